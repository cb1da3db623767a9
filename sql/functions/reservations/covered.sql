-- Purpose: whether a token's list of locations (null: all) covers every place of a reservation.
create or replace function reservations.covered(
  p_cell integer, p_reservation_id uuid, p_locations text[]
)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select p_locations is null or not exists (
    select 1
    from stock.claim c
    join locations.location l on l.location_id = c.location_id
    where c.cell_id = p_cell and c.holder_id = p_reservation_id
      and l.location <> all (p_locations)
  )
$$;
