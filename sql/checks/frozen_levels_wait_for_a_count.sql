-- What is frozen because its book went below zero, or because goods were not found, has an open count
-- task: somebody is asked to thaw it (domain §1.4, §2.1).
select
  s.cell_id,
  (select l.location from locations.location l where l.location_id = s.location_id) as location,
  (select i.sku from catalog.item i where i.sku_id = s.sku_id) as sku,
  s.frozen_reason, s.sellable
from stock.stock_level s
left join stock.count_task t
  on t.cell_id = s.cell_id and t.location_id = s.location_id and t.sku_id = s.sku_id
  and t.done_at is null
where s.frozen_reason in ('negative_stock', 'not_found') and t.cell_id is null
