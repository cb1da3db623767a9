-- What a transfer still has to send is what its claims hold at its sender, no more, no less, and
-- nowhere else (I2, domain §2.4).
select
  coalesce(n.cell_id, c.cell_id) as cell_id, coalesce(n.transfer_id, c.holder_id) as transfer_id,
  coalesce(n.sku_id, c.sku_id) as sku_id, n.open, c.open_quantity, c.staged_quantity
from (
  select l.cell_id, l.transfer_id, l.sku_id, t.from_location_id, l.open
  from transfers.transfer_line l
  join transfers.transfer t on t.cell_id = l.cell_id and t.transfer_id = l.transfer_id
) n
full join (
  select o.cell_id, o.holder_id, o.sku_id, o.location_id, o.open_quantity, o.staged_quantity
  from stock.claim o
  where o.holder_kind = 'transfer'
) c on c.cell_id = n.cell_id and c.holder_id = n.transfer_id and c.sku_id = n.sku_id
  and c.location_id = n.from_location_id
where n.open is distinct from c.open_quantity
  or c.staged_quantity <> 0
