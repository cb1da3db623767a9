-- Purpose: locks all lives of some terminals, in order. A terminal's receipts, and what others say
--   of them (voids, returns), are decided one batch at a time; what is read after it is final.
-- Lock order: first of all.
create or replace function pos.lock_terminals(p_cell integer, p_terminals text[])
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  perform 1
  from pos.terminal t
  where t.cell_id = p_cell and t.terminal = any(p_terminals)
  order by t.terminal, t.epoch
  for update of t;
end;
$$;
