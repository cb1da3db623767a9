-- Purpose: one command of put_location: makes, changes or leaves the place, and says what follows.
-- The insert gives way to a twin in another process, which is then read (READ COMMITTED) and
--   treated as what was there before.
create or replace function locations.write_location(
  p_cell integer, p_command jsonb, p_now timestamptz,
  out outcome jsonb, out events events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_before locations.location;
  v_after locations.location;
  v_expected bigint := (p_command ->> 'expected_version')::bigint;
begin
  events := '{}';
  select * into v_before
  from locations.location l where l.location = p_command ->> 'location'
  for update;
  if v_before.location_id is null and coalesce(v_expected, 0) = 0 then
    v_after := locations.make_location(p_cell, p_command, p_now);
    if v_after.location_id is not null then
      outcome := jsonb_build_object('code', 'created', 'version', 1, 'cell', p_cell);
      return;
    end if;
    select * into v_before
    from locations.location l where l.location = p_command ->> 'location'
    for update;
  end if;
  if v_expected is distinct from v_before.version and v_expected is not null then
    outcome := '{"code": "precondition_failed"}';
    return;
  end if;
  if v_before.cell_id <> p_cell
      or v_before.cell_id <> coalesce((p_command ->> 'cell')::integer, v_before.cell_id) then
    outcome := jsonb_build_object('code', 'cell_is_fixed', 'cell', v_before.cell_id);
    return;
  end if;
  v_after := jsonb_populate_record(v_before, p_command);
  if v_after is distinct from v_before then
    events := locations.news_of(
      v_before, v_after, (p_command ->> 'client_id')::integer, p_now
    );
    v_after.version := v_before.version + 1;
    v_after.event_count := v_before.event_count + cardinality(events);
    update locations.location l
    set
      name = v_after.name, kind = v_after.kind, state = v_after.state, country = v_after.country,
      region = v_after.region, time_zone = v_after.time_zone, latitude = v_after.latitude,
      longitude = v_after.longitude, gln = v_after.gln, opening_hours = v_after.opening_hours,
      closures = v_after.closures, pickup = v_after.pickup, safety_stock = v_after.safety_stock,
      version = v_after.version, event_count = v_after.event_count, changed_at = p_now
    where l.location_id = v_before.location_id;
  end if;
  outcome := jsonb_build_object(
    'code', case when v_after.version > v_before.version then 'updated' else 'unchanged' end,
    'version', v_after.version, 'cell', v_before.cell_id
  );
end;
$$;
