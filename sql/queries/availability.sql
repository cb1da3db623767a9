-- Browsing a shop, and what the reader of availability keeps of a place.

-- name: places_by_id
-- What is told of places beside their stock, with the version that it belongs to.
select
  l.location_id, l.version, l.location, l.name, l.kind, l.state, l.time_zone, l.opening_hours,
  l.closures, l.pickup
from locations.location l
where l.location_id = any ($1::integer[])

-- name: items_of_location
-- One place's stock, by SKU: $3 only what can be had, $4 category, $5 words (a tsquery), $6 after.
select
  i.sku, i.name, i.category,
  stock.level_word(f.available, f.display, f.unclaimed, f.frozen_reason, f.confidence,
    f.uncertain) as level,
  f.available, i.price, i.currency, i.image_urls[1] as image_url
from locations.location l
join stock.stock_level s on s.cell_id = $1 and s.location_id = l.location_id
join catalog.item i on i.sku_id = s.sku_id
cross join lateral availability.level_of(
  $1, l.location_id, i.sku_id, coalesce(i.safety_stock, l.safety_stock),
  coalesce($8::timestamptz, now())
) f
where l.location = $2
  and (not $3::boolean or f.available > 0)
  and ($4::text is null or i.category = $4)
  and ($5::text is null
    or to_tsvector('simple'::regconfig, i.name || ' ' || i.sku) @@ to_tsquery('simple', $5)
    or i.sku = $9)
  and ($6::text is null or i.sku > $6)
order by i.sku
limit $7
