-- Purpose: a count is given up; a second time changes nothing.
-- Takes: commands of counts.commands.CancelSession.
-- Lock order: sessions by id, then the cell's state.
-- Outcomes: cancelled · not_found · precondition_failed ·
--   wrong_state (with the session) · idempotency_key_reused.
-- Events: count.cancelled.
create or replace function counts.cancel_session(
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
  return counts.change_sessions(p_cell, 'cancel_session', p_commands, coalesce(p_now, now()));
end;
$$;
