-- Where more is promised and not yet picked than is on the shelf, there is exactly one shortfall, by
-- so much; elsewhere none (I4). Stored sums count: an ended hold is released by its own posting.
select
  coalesce(s.cell_id, f.cell_id) as cell_id,
  (
    select l.location
    from locations.location l
    where l.location_id = coalesce(s.location_id, f.location_id)
  ) as location,
  (select i.sku from catalog.item i where i.sku_id = coalesce(s.sku_id, f.sku_id)) as sku,
  s.sellable, s.unpicked, f.quantity as shortfall
from (
  select v.cell_id, v.location_id, v.sku_id, v.sellable, v.unpicked
  from stock.stock_level v
  where v.sellable < v.unpicked
) s
full join stock.shortfall f
  on f.cell_id = s.cell_id and f.location_id = s.location_id and f.sku_id = s.sku_id
where f.quantity is distinct from s.unpicked - s.sellable
