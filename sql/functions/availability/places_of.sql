-- Purpose: the places of a cell that ever stocked an item, as it stands there, less what expired
--   holds still claim, and why that may be wrong (trust.doubt_of); with p_everywhere (or an item whose stock is not tracked) the others too.
-- Inlined into its caller's plan (no definer rights, no settings): as a function of its own it cost
--   as much again as the read.
create or replace function availability.places_of(
  p_cell integer, p_sku_id integer, p_tracked boolean, p_everywhere boolean,
  p_latitude double precision, p_longitude double precision, p_radius_km double precision,
  p_now timestamptz
)
returns table (
  location_id integer, location_version bigint, location text, name text,
  location_safety bigint, distance double precision, within boolean, version bigint,
  changed_at timestamptz, sellable bigint, unpicked bigint, display bigint, safety_stock bigint,
  frozen_reason text, verified_at timestamptz, stale boolean, uncertain boolean,
  stale_buffer bigint, not_found integer
)
language sql
stable
as $$
  select
    l.location_id, l.version, l.location, l.name, l.safety_stock, d.distance,
    p_latitude is null or d.distance <= p_radius_km, s.version, s.changed_at, s.sellable,
    s.unpicked - case
      when s.next_expiry_at > p_now then 0
      else (stock.expired_claims(p_cell, s.location_id, s.sku_id, p_now)).unpicked
    end,
    s.display, s.safety_stock, s.frozen_reason, coalesce(s.last_counted_at, s.first_moved_at),
    t.stale, t.uncertain, t.stale_buffer, t.not_found
  from stock.stock_level s
  join locations.location l on l.location_id = s.location_id
  cross join lateral (
    select locations.distance_km(p_latitude, p_longitude, l.latitude, l.longitude) as distance
    offset 0
  ) d
  cross join lateral trust.doubt_of(p_cell, s.location_id, p_sku_id, s.not_found_at, p_now) t
  where s.cell_id = p_cell and s.sku_id = p_sku_id and p_tracked and l.state <> 'closed'
  union all
  select
    l.location_id, l.version, l.location, l.name, 0, d.distance,
    p_latitude is null or d.distance <= p_radius_km, 0, l.changed_at, 0, 0, 0, 0, null, null, false, false,
    0, 0
  from locations.location l
  cross join lateral (
    select locations.distance_km(p_latitude, p_longitude, l.latitude, l.longitude) as distance
    offset 0
  ) d
  where (p_everywhere or not p_tracked) and l.cell_id = p_cell and l.state <> 'closed'
    and not exists (
      select 1
      from stock.stock_level s
      where p_tracked and s.cell_id = p_cell and s.location_id = l.location_id
        and s.sku_id = p_sku_id
    )
$$;
