-- Purpose: whose receipts some exceptions speak of.
create or replace function exceptions.terminals_of(p_cell integer, p_exception_ids uuid[])
returns text[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  return array(
    select distinct t.terminal
    from pos.exception x
    cross join lateral exceptions.named_terminals(x.terminal, x.body) t (terminal)
    where x.cell_id = p_cell and x.exception_id = any(p_exception_ids)
  );
end;
$$;
