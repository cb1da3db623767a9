-- Reads look for ended holds only after a level's next_expiry_at, so no open claim may end before
-- it (contract §12, Expiry).
select
  s.cell_id,
  (select l.location from locations.location l where l.location_id = s.location_id) as location,
  (select i.sku from catalog.item i where i.sku_id = s.sku_id) as sku,
  s.next_expiry_at, c.first_end
from stock.stock_level s
join (
  select o.cell_id, o.location_id, o.sku_id, min(o.expires_at) as first_end
  from stock.claim o
  where o.open_quantity > 0 and o.expires_at is not null
  group by o.cell_id, o.location_id, o.sku_id
) c on c.cell_id = s.cell_id and c.location_id = s.location_id and c.sku_id = s.sku_id
where c.first_end < s.next_expiry_at
