-- Purpose: a place as the API gives it (contract §2).
create or replace function locations.location_body(p_location locations.location)
returns jsonb
language sql
stable
as $$
  select jsonb_build_object(
    'location', p_location.location, 'name', p_location.name, 'kind', p_location.kind,
    'state', p_location.state, 'country', p_location.country, 'region', p_location.region,
    'time_zone', p_location.time_zone, 'latitude', p_location.latitude,
    'longitude', p_location.longitude, 'gln', p_location.gln,
    'opening_hours', p_location.opening_hours, 'closures', p_location.closures,
    'pickup', p_location.pickup, 'safety_stock', p_location.safety_stock,
    'cell', p_location.cell_id
  )
$$;
