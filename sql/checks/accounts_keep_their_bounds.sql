-- Nothing is below zero but sellable (a till sold what the book did not have), and then nothing is
-- promised there until a count; what is unpicked is part of what is reserved (domain §1.4, I2).
select
  s.cell_id,
  (select l.location from locations.location l where l.location_id = s.location_id) as location,
  (select i.sku from catalog.item i where i.sku_id = s.sku_id) as sku,
  s.sellable, s.staged, s.quarantine, s.damaged, s.display, s.missing, s.reserved, s.unpicked,
  s.frozen_reason
from stock.stock_level s
where least(s.staged, s.quarantine, s.damaged, s.display, s.missing, s.reserved, s.unpicked) < 0
  or s.unpicked > s.reserved
  or (s.sellable < 0 and s.frozen_reason is null)
