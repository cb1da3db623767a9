-- Purpose: numbers for some events of a till: all its lives share one count, kept in the newest.
-- Returns: the number before the first.
create or replace function terminals.number_events(
  p_cell integer, p_terminal text, p_count bigint
)
returns bigint
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_count bigint;
begin
  update pos.terminal t
  set event_count = t.event_count + p_count
  where t.cell_id = p_cell and t.terminal = p_terminal and t.epoch = (
    select max(n.epoch) from pos.terminal n where n.cell_id = p_cell and n.terminal = p_terminal
  )
  returning t.event_count - p_count into v_count;
  return v_count;
end;
$$;
