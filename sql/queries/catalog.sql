-- Items.

-- name: item_by_sku
-- An item as the API gives it, with its version.
select i.version, catalog.item_body(i)::text as body
from catalog.item i
where i.sku = $1

-- name: items_after
-- Items by SKU, from after the one given.
select i.sku, catalog.item_body(i)::text as body
from catalog.item i
where i.sku > $1
order by i.sku
limit $2

-- name: items_of_category_after
-- Items of a category by SKU, from after the one given.
select i.sku, catalog.item_body(i)::text as body
from catalog.item i
where i.category = $3 and i.sku > $1
order by i.sku
limit $2

-- name: items_found_after
-- Items with all words (beginnings of words) in name or SKU, or with this very SKU or barcode.
select i.sku, catalog.item_body(i)::text as body
from (
  select w.sku_id
  from catalog.item w
  where to_tsvector('simple'::regconfig, w.name || ' ' || w.sku) @@ to_tsquery('simple', $4)
  union
  select s.sku_id from catalog.item s where s.sku = $5
  union
  select b.sku_id from catalog.barcode b where b.gtin = $6
) f
join catalog.item i on i.sku_id = f.sku_id
where i.sku > $1 and ($3::text is null or i.category = $3)
order by i.sku
limit $2
