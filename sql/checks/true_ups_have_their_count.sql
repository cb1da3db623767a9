-- Every true-up stands in the document and at the moment of a count of its level (I12).
select
  g.cell_id,
  (select l.location from locations.location l where l.location_id = g.location_id) as location,
  (select i.sku from catalog.item i where i.sku_id = g.sku_id) as sku,
  g.ledger_sequence, g.occurred_at, g.document_id
from stock.ledger_entry g
left join stock.stock_count c
  on c.cell_id = g.cell_id and c.location_id = g.location_id and c.sku_id = g.sku_id
  and c.counted_at = g.occurred_at and c.document_id = g.document_id
where g.kind = 'count_trueup' and c.cell_id is null
