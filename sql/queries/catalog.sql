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
-- Items that a search finds, by SKU, from after the one given.
select f.sku, catalog.item_body(f)::text as body
from catalog.find_items($1, $2, $3, $4, $5, $6) f
order by f.sku
