-- Places.

-- name: location_by_code
-- A place as the API gives it, with its version.
select l.version, locations.location_body(l)::text as body
from locations.location l
where l.location = $1

-- name: locations_after
-- Places by code, from after the one given, of a token's list (null: all).
select l.location, locations.location_body(l)::text as body
from locations.location l
where l.location > $1 and ($2::text[] is null or l.location = any($2))
order by l.location
limit $3

-- name: cell_of_location
-- The cell that a place was made in; it never changes.
select l.cell_id from locations.location l where l.location = $1

-- name: all_cells
-- Every cell that has a place.
select distinct l.cell_id from locations.location l order by l.cell_id
