-- Purpose: brings a count into a state, with the event of that (null: none). Only the approved and the
--   ended carry those moments.
create or replace function counts.advance(
  p_cell integer, p_session_id uuid, p_state text, p_event text, p_client_id integer,
  p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_number bigint;
begin
  update counts.session s
  set
    state = p_state, active_at = p_now, version = s.version + 1,
    event_count = s.event_count + case when p_event is null then 0 else 1 end,
    submitted_at = case when p_state = 'submitted' then p_now else s.submitted_at end,
    approved_at = case
      when p_state = 'approved' then coalesce(s.approved_at, p_now) else s.approved_at
    end,
    ended_at = case when p_state in ('posted', 'cancelled') then p_now end
  where s.cell_id = p_cell and s.session_id = p_session_id
  returning s.event_count into v_number;
  if p_event is null then
    return null;
  end if;
  return array[(
    p_now, p_event, 'count/' || p_session_id, v_number, p_client_id,
    counts.tell_session(p_cell, p_session_id)
  )::events.new_event];
end;
$$;
