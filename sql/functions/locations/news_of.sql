-- Purpose: the events of a changed place, numbered from its event_count on. Pure.
create or replace function locations.news_of(
  p_before locations.location, p_after locations.location, p_client_id integer, p_now timestamptz
)
returns events.new_event[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_subject text := 'location/' || p_after.location;
  v_number bigint := p_before.event_count;
  v_events events.new_event[] := '{}';
begin
  if (p_after.opening_hours, p_after.closures, p_after.time_zone)
      is distinct from (p_before.opening_hours, p_before.closures, p_before.time_zone) then
    v_number := v_number + 1;
    v_events := v_events || (
      p_now, 'location.hours_changed', v_subject, v_number, p_client_id,
      jsonb_build_object(
        'location', p_after.location, 'version', p_before.version + 1,
        'time_zone', p_after.time_zone, 'opening_hours', p_after.opening_hours,
        'closures', p_after.closures,
        'before', jsonb_build_object(
          'time_zone', p_before.time_zone, 'opening_hours', p_before.opening_hours,
          'closures', p_before.closures
        )
      )
    )::events.new_event;
  end if;
  if p_after.state = 'closed' and p_before.state <> 'closed' then
    v_number := v_number + 1;
    v_events := v_events || (
      p_now, 'location.closed', v_subject, v_number, p_client_id,
      jsonb_build_object(
        'location', p_after.location, 'version', p_before.version + 1,
        'before', jsonb_build_object('state', p_before.state)
      )
    )::events.new_event;
  end if;
  return v_events;
end;
$$;
