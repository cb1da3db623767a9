-- Purpose: the open places of a cell, other than those asked for, that can promise all lines now:
--   nearest first to the first place asked, five at most. The same guard as the hold itself.
create or replace function reservations.places_for(
  p_cell integer, p_lines jsonb, p_locations text[], p_now timestamptz
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
  return (
    with line as (
      select i.sku_id, i.sku, i.safety_stock, sum(x.quantity) as quantity, min(x.ordinality) as turn
      from rows from (
        jsonb_to_recordset(p_lines) as (sku text, quantity bigint)
      ) with ordinality x (sku, quantity, ordinality)
      join catalog.item i on i.sku = x.sku
      where i.stock_tracked
      group by i.sku_id, i.sku, i.safety_stock
    ), here as (
      select l.latitude, l.longitude
      from locations.location l
      where l.location = p_lines #>> '{0,location}'
    ), place as (
      select
        l.location_id, l.location, l.name,
        locations.distance_km(h.latitude, h.longitude, l.latitude, l.longitude) as distance,
        jsonb_agg(jsonb_build_object('sku', n.sku, 'available', a.available) order by n.turn)
        as lines
      from line n
      join stock.stock_level s on s.cell_id = p_cell and s.sku_id = n.sku_id
      join locations.location l on l.location_id = s.location_id and l.state = 'open'
      left join here h on true
      cross join lateral trust.doubt_of(p_cell, s.location_id, s.sku_id, s.not_found_at, p_now) d
      cross join lateral (
        select stock.available(
          s.sellable,
          s.unpicked - case
            when s.next_expiry_at > p_now then 0
            else (stock.expired_claims(p_cell, s.location_id, s.sku_id, p_now)).unpicked
          end,
          coalesce(s.safety_stock, n.safety_stock, l.safety_stock), d.stale_buffer, s.frozen_reason
        ) as available
      ) a
      where a.available >= n.quantity
        and l.location not in (
          select x.location from jsonb_to_recordset(p_lines) as x (location text)
        )
        and (p_locations is null or l.location = any (p_locations))
        and trust.confidence(coalesce(s.last_counted_at, s.first_moved_at), s.sellable,
          d.not_found, d.stale, p_now) >= 0.5
      group by l.location_id, l.location, l.name, distance
      having count(*) = (select count(*) from line)
      order by distance nulls last, l.name, l.location
      limit 5
    )
    select coalesce(jsonb_agg(jsonb_build_object('location', p.location, 'name', p.name,
      'distance_km', round(p.distance::numeric, 1), 'lines', p.lines)
      order by p.distance nulls last, p.name, p.location), '[]')
    from place p
  );
end;
$$;
