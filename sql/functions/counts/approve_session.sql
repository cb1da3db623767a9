-- Purpose: a count is taken for true and posted by the late-event rule (domain §1.3, §2.5).
-- Takes: commands of counts.commands.ApproveSession.
-- Lock order: sessions by id, stock levels by (location, sku), the cell's state.
-- Outcomes: approved · second_person_needed · tills_not_heard_out (with names) · not_a_full_count ·
--   not_found · precondition_failed ·
--   wrong_state (with the session) · idempotency_key_reused.
-- Events: stock.changed, count.variance, count.posted.
create or replace function counts.approve_session(
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
  return counts.change_sessions(p_cell, 'approve_session', p_commands, coalesce(p_now, now()));
end;
$$;
