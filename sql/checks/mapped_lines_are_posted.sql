-- A line that was mapped is posted: it is a sale line or a return, and an item whose stock is tracked
-- moved in its receipt's name (domain §1.5). Items that were changed since are left out: they may not
-- have been tracked then.
select x.cell_id, x.exception_id, x.receipt_id, x.line, x.resolution ->> 'sku' as sku
from pos.exception x
join catalog.item i on i.sku = x.resolution ->> 'sku'
where x.kind = 'unmapped' and x.resolution ->> 'action' = 'mapped' and (
  (x.quantity > 0 and not exists (
    select 1
    from sales.sale_line s
    where s.cell_id = x.cell_id and s.document_id = x.receipt_id and s.line = x.line
      and s.sku_id = i.sku_id
  ))
  or (i.stock_tracked and i.changed_at <= x.resolved_at and not exists (
    select 1
    from stock.ledger_entry e
    where e.cell_id = x.cell_id and e.document_id = x.receipt_id and e.sku_id = i.sku_id
      and e.reverses is null and e.kind in ('sale', 'return')
  ))
)
