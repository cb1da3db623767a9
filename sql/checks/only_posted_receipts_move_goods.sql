-- Goods moved for a receipt, and sale lines, belong to one that is posted (or was, and is voided);
-- what is parked, under review, in conflict, ignored or rejected moves nothing (I8, I9). A true-up
-- belongs to its count.
select d.cell_id, d.document_id, d.what, r.status
from (
  select distinct g.cell_id, g.document_id, 'ledger' as what
  from stock.ledger_entry g
  where g.source = 'pos' and g.kind <> 'count_trueup'
  union all
  select distinct v.cell_id, v.document_id, 'sale line'
  from sales.sale_line v
) d
left join pos.receipt r on r.cell_id = d.cell_id and r.receipt_id = d.document_id
where r.receipt_id is null or r.status not in ('posted', 'partly_posted', 'voided')
