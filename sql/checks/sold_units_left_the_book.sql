-- What a receipt sold of stock-tracked items is what the ledger says that it took out, and nothing
-- left for a customer without a sale line (I8). Items that were changed since are left out: they
-- may not have been tracked then.
select
  coalesce(s.cell_id, e.cell_id) as cell_id,
  coalesce(s.document_id, e.document_id) as document_id,
  (
    select l.location
    from locations.location l
    where l.location_id = coalesce(s.location_id, e.location_id)
  ) as location,
  i.sku, s.sold, e.taken
from (
  select v.cell_id, v.document_id, v.location_id, v.sku_id, sum(v.quantity) as sold
  from sales.sale_line v
  group by v.cell_id, v.document_id, v.location_id, v.sku_id
) s
full join (
  select g.cell_id, g.document_id, g.location_id, g.sku_id, sum(g.quantity) as taken
  from stock.ledger_entry g
  where g.source = 'pos' and g.kind = 'sale' and g.to_account = 'customer'
  group by g.cell_id, g.document_id, g.location_id, g.sku_id
) e on e.cell_id = s.cell_id and e.document_id = s.document_id and e.location_id = s.location_id
  and e.sku_id = s.sku_id
join catalog.item i on i.sku_id = coalesce(s.sku_id, e.sku_id)
left join pos.receipt r on r.cell_id = s.cell_id and r.receipt_id = s.document_id
where s.sold is distinct from e.taken
  and (e.taken is not null or (i.stock_tracked and i.changed_at <= r.recorded_at))
