-- What a claim still holds is the sum of its own entries in the claims' ledger (I2, I5).
select
  coalesce(c.cell_id, e.cell_id) as cell_id, coalesce(c.holder_id, e.holder_id) as holder_id,
  coalesce(c.location_id, e.location_id) as location_id, coalesce(c.sku_id, e.sku_id) as sku_id,
  c.open_quantity, e.reserved as open_by_entries, c.staged_quantity,
  e.reserved - e.unpicked as staged_by_entries
from stock.claim c
full join (
  select
    g.cell_id, g.location_id, g.sku_id, g.holder_id, sum(g.reserved_change) as reserved,
    sum(g.unpicked_change) as unpicked
  from stock.claim_entry g
  group by g.cell_id, g.location_id, g.sku_id, g.holder_id
) e on e.cell_id = c.cell_id and e.holder_id = c.holder_id and e.location_id = c.location_id
  and e.sku_id = c.sku_id
where c.cell_id is null
  or c.open_quantity <> coalesce(e.reserved, 0)
  or c.open_quantity - c.staged_quantity <> coalesce(e.unpicked, 0)
