-- Every movement says who made it, and a count why (I16, R87).
select
  e.cell_id,
  (select l.location from locations.location l where l.location_id = e.location_id) as location,
  (select i.sku from catalog.item i where i.sku_id = e.sku_id) as sku,
  e.ledger_sequence, e.kind, e.source, e.client_id, e.reason
from stock.ledger_entry e
where e.client_id is null
  or (e.source = 'count' and coalesce(btrim(e.reason), '') = '')
