-- Purpose: a count is handed in to be approved; nothing is posted yet.
-- Takes: commands of counts.commands.SubmitSession.
-- Lock order: sessions by id, then the cell's state.
-- Outcomes: submitted · zones_open · recount_incomplete (both with names) · not_found · precondition_failed ·
--   wrong_state (with the session) · idempotency_key_reused.
-- Events: count.submitted.
create or replace function counts.submit_session(
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
  return counts.change_sessions(p_cell, 'submit_session', p_commands, coalesce(p_now, now()));
end;
$$;
