-- What a level holds back is the sum of the claims that are still open, and no open claim is
-- without a level (I2).
select
  coalesce(s.cell_id, c.cell_id) as cell_id,
  (
    select l.location
    from locations.location l
    where l.location_id = coalesce(s.location_id, c.location_id)
  ) as location,
  (select i.sku from catalog.item i where i.sku_id = coalesce(s.sku_id, c.sku_id)) as sku,
  s.reserved, c.reserved as reserved_by_claims, s.unpicked, c.unpicked as unpicked_by_claims
from stock.stock_level s
full join (
  select
    o.cell_id, o.location_id, o.sku_id, sum(o.open_quantity) as reserved,
    sum(o.open_quantity - o.staged_quantity) as unpicked
  from stock.claim o
  where o.open_quantity > 0
  group by o.cell_id, o.location_id, o.sku_id
) c on c.cell_id = s.cell_id and c.location_id = s.location_id and c.sku_id = s.sku_id
where s.cell_id is null
  or s.reserved <> coalesce(c.reserved, 0)
  or s.unpicked <> coalesce(c.unpicked, 0)
