-- What a level holds back is the sum of the claims' ledger, and every entry has a level (I2).
select
  coalesce(s.cell_id, e.cell_id) as cell_id,
  (
    select l.location
    from locations.location l
    where l.location_id = coalesce(s.location_id, e.location_id)
  ) as location,
  (select i.sku from catalog.item i where i.sku_id = coalesce(s.sku_id, e.sku_id)) as sku,
  s.reserved, e.reserved as reserved_by_entries, s.unpicked, e.unpicked as unpicked_by_entries
from stock.stock_level s
full join (
  select
    g.cell_id, g.location_id, g.sku_id, sum(g.reserved_change) as reserved,
    sum(g.unpicked_change) as unpicked
  from stock.claim_entry g
  group by g.cell_id, g.location_id, g.sku_id
) e on e.cell_id = s.cell_id and e.location_id = s.location_id and e.sku_id = s.sku_id
where s.cell_id is null
  or s.reserved <> coalesce(e.reserved, 0)
  or s.unpicked <> coalesce(e.unpicked, 0)
