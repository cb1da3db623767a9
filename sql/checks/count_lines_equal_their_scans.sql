-- One line of a count is the sum of its scans, at the moment of the last; every scan has its line, every
-- line its zone and its item (R98).
select
  coalesce(n.cell_id, c.cell_id) as cell_id, coalesce(n.session_id, c.session_id) as session_id,
  coalesce(n.sku_id, c.sku_id) as sku_id, coalesce(n.zone, c.zone) as zone, n.quantity, c.scanned,
  n.counted_at, c.last_at
from counts.line n
full join (
  select
    o.cell_id, o.session_id, o.sku_id, o.round, o.zone, sum(o.quantity) as scanned,
    min(o.counted_at) as first_at, max(o.counted_at) as last_at
  from counts.scan o
  group by o.cell_id, o.session_id, o.sku_id, o.round, o.zone
) c on c.cell_id = n.cell_id and c.session_id = n.session_id and c.sku_id = n.sku_id
  and c.round = n.round and c.zone = n.zone
left join counts.zone z
  on z.cell_id = n.cell_id and z.session_id = n.session_id and z.zone = n.zone
left join counts.item i
  on i.cell_id = n.cell_id and i.session_id = n.session_id and i.sku_id = n.sku_id
where n.session_id is null or c.session_id is null or z.zone is null or i.sku_id is null
  or n.quantity <> c.scanned or n.counted_at <> c.last_at or n.first_at <> c.first_at or i.round < n.round
