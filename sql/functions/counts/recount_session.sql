-- Purpose: what is over tolerance is counted a second time (domain §2.5).
-- Takes: commands of counts.commands.RecountSession.
-- Lock order: sessions by id, then the cell's state.
-- Outcomes: recounting (with names of items) · nothing_to_recount · not_found · precondition_failed ·
--   wrong_state (with the session) · idempotency_key_reused.
-- Events: count.recount.
create or replace function counts.recount_session(
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
  return counts.change_sessions(p_cell, 'recount_session', p_commands, coalesce(p_now, now()));
end;
$$;
