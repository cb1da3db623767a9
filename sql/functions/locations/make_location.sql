-- Purpose: the row of a new place; null where the code was taken in between.
create or replace function locations.make_location(
  p_cell integer, p_command jsonb, p_now timestamptz
)
returns locations.location
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_new locations.location := jsonb_populate_record(null::locations.location, p_command);
  v_made locations.location;
begin
  insert into locations.location (
    location, cell_id, name, kind, state, country, region, time_zone, latitude, longitude, gln,
    opening_hours, closures, pickup, safety_stock, changed_at
  )
  values (
    v_new.location, p_cell, v_new.name, v_new.kind, v_new.state, v_new.country, v_new.region,
    v_new.time_zone, v_new.latitude, v_new.longitude, v_new.gln, v_new.opening_hours,
    v_new.closures, v_new.pickup, v_new.safety_stock, p_now
  )
  on conflict on constraint location_code_is_unique do nothing
  returning * into v_made;
  return v_made;
end;
$$;
