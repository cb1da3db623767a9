-- Purpose: kilometres between two points over the earth's surface (haversine, mean radius
--   6,371.0088 km); null where a coordinate is missing. Pure, inlined. In radians throughout:
--   sind() and cosd() are exact at right angles, which nobody needs here, and three times slower.
create or replace function locations.distance_km(
  p_latitude_a double precision, p_longitude_a double precision,
  p_latitude_b double precision, p_longitude_b double precision
)
returns double precision
language sql
immutable
parallel safe
as $$
  select case
    when p_latitude_a is not null and p_latitude_b is not null then
      2 * 6371.0088 * asin(least(1::double precision, sqrt(
        sin(radians(p_latitude_b - p_latitude_a) / 2) ^ 2
        + cos(radians(p_latitude_a)) * cos(radians(p_latitude_b))
        * sin(radians(p_longitude_b - p_longitude_a) / 2) ^ 2
      )))
  end
$$;
