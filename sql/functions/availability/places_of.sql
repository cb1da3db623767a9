-- Purpose: every place of a cell that ever stocked an item (with p_everywhere: every place), with
--   what can be promised there, by the same functions as holds.
create or replace function availability.places_of(
  p_cell integer, p_sku_id integer, p_item_safety bigint, p_tracked boolean,
  p_latitude double precision, p_longitude double precision, p_radius_km double precision,
  p_everywhere boolean, p_locations text[], p_now timestamptz
)
returns table (
  location_id integer, location_version bigint, location text, name text,
  distance double precision, within boolean, version bigint, changed_at timestamptz,
  available bigint, confidence double precision, level text
)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
rows 20
as $$
begin
  return query
  select
    l.location_id, l.version, l.location, l.name, d.distance,
    p_latitude is null or d.distance <= p_radius_km, s.version, s.changed_at, f.available,
    f.confidence,
    stock.level_word(f.available, s.display, f.unclaimed, s.frozen_reason, f.confidence, false)
  from stock.stock_level s
  join locations.location l on l.location_id = s.location_id
  cross join lateral (
    select locations.distance_km(p_latitude, p_longitude, l.latitude, l.longitude) as distance
  ) d
  cross join lateral (
    select s.unpicked - case
      when s.next_expiry_at > p_now then 0
      else (stock.expired_claims(p_cell, s.location_id, s.sku_id, p_now)).unpicked
    end as unpicked
  ) u
  cross join lateral (
    select
      s.sellable - u.unpicked as unclaimed,
      stock.available(s.sellable, u.unpicked,
        coalesce(s.safety_stock, p_item_safety, l.safety_stock), 0, s.frozen_reason) as available,
      stock.confidence(coalesce(s.last_counted_at, s.first_moved_at), s.sellable, 0, false, p_now)
      as confidence
  ) f
  where s.cell_id = p_cell and s.sku_id = p_sku_id and p_tracked and l.state <> 'closed'
    and (p_locations is null or l.location = any (p_locations));
  if p_everywhere or not p_tracked then
    return query
    select
      l.location_id, l.version, l.location, l.name,
      locations.distance_km(p_latitude, p_longitude, l.latitude, l.longitude),
      p_latitude is null or locations.distance_km(
        p_latitude, p_longitude, l.latitude, l.longitude) <= p_radius_km,
      0::bigint, l.changed_at, 0::bigint, 1::double precision,
      case when p_tracked then 'out_of_stock' else 'in_stock' end
    from locations.location l
    where l.cell_id = p_cell and l.state <> 'closed'
      and (p_locations is null or l.location = any (p_locations))
      and not (p_tracked and exists (
        select 1
        from stock.stock_level s
        where s.cell_id = p_cell and s.location_id = l.location_id and s.sku_id = p_sku_id
      ));
  end if;
end;
$$;
