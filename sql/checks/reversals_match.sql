-- A movement that reverses another takes back all of it, once, at the same level (domain §1.1). What
-- a transfer lost may be found in parts, never more than was lost (§2.4).
select
  r.cell_id,
  (select l.location from locations.location l where l.location_id = r.location_id) as location,
  (select i.sku from catalog.item i where i.sku_id = r.sku_id) as sku,
  r.reverses, r.quantity, o.quantity as reversed_quantity, r.times
from (
  select
    g.cell_id, g.location_id, g.sku_id, g.reverses, sum(g.quantity) as quantity, count(*) as times
  from stock.ledger_entry g
  where g.reverses is not null
  group by g.cell_id, g.location_id, g.sku_id, g.reverses
) r
left join stock.ledger_entry o
  on o.cell_id = r.cell_id and o.location_id = r.location_id and o.sku_id = r.sku_id
  and o.ledger_sequence = r.reverses
where o.cell_id is null
  or o.reverses is not null
  or r.quantity > o.quantity
  or (o.kind <> 'transfer_loss' and (r.times > 1 or r.quantity <> o.quantity))
