-- Purpose: why a change of a count cannot be, before it is looked at more closely: it is none of the
--   token's places, it is not what the asker saw, or its state does not allow it. Null: it can.
create or replace function counts.refused(
  p_cell integer, p_verb text, p_session counts.session, p_command jsonb
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return case
    when p_session.session_id is null or not exists (
      select 1
      from locations.location l
      where l.location_id = p_session.location_id and (
        jsonb_typeof(p_command -> 'locations') = 'null' or p_command -> 'locations' ? l.location
      )
    ) then '{"code": "not_found"}'::jsonb
    when (p_command ->> 'if_version')::bigint <> p_session.version
      then '{"code": "precondition_failed"}'
    when not p_session.state = any (case p_verb
      when 'recount_session' then array['submitted']
      when 'approve_session' then array['submitted']
      when 'cancel_session' then array['open', 'counting', 'submitted', 'recount', 'cancelled']
      else array['open', 'counting', 'recount']
    end) then jsonb_build_object(
      'code', 'wrong_state', 'session', counts.tell_session(p_cell, p_session.session_id)
    )
  end;
end;
$$;
