-- Purpose: a zone is counted to its end, or is opened again.
-- Takes: commands of counts.commands.MarkZone.
-- Lock order: sessions by id, then the cell's state.
-- Outcomes: marked · unknown_zone · not_found · precondition_failed ·
--   wrong_state (with the session) · idempotency_key_reused.
-- Events: none.
create or replace function counts.mark_zone(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  return counts.change_sessions(p_cell, 'mark_zone', p_commands, coalesce(p_now, now()));
end;
$$;
