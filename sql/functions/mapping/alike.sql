-- Purpose: unmapped lines that wait for the same code (or the same item number) as one does, the oldest
--   500; that one first. p_locked: only of tills that are locked (null: all).
create or replace function mapping.alike(
  p_cell integer, p_exception pos.exception, p_locked text[]
)
returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  return p_exception.exception_id || array(
    select x.exception_id
    from pos.exception x
    where x.cell_id = p_cell and x.kind = 'unmapped' and x.state = 'open'
      and p_exception.kind = 'unmapped'
      and coalesce(x.code, x.sku) = coalesce(p_exception.code, p_exception.sku)
      and (x.code is null) = (p_exception.code is null)
      and (p_locked is null or array(
        select t.terminal from exceptions.named_terminals(x.terminal, x.body) t (terminal)
      ) <@ p_locked)
    order by x.recorded_at, x.exception_id
    limit 500
  );
end;
$$;
