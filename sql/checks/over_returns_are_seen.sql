-- Units that came back beyond what their sale had left stand before a person, unless one has decided:
-- exactly those, and a return that waits for its sale counts off nothing (I14).
select
  coalesce(r.cell_id, x.cell_id) as cell_id, coalesce(r.document_id, x.receipt_id) as document_id,
  coalesce(r.line, x.line) as line, r.surplus, x.quantity
from (
  select v.*
  from sales.return_line v
  where not v.voided and not v.settled
) r
full join (
  select e.*
  from pos.exception e
  where e.kind = 'over_return' and e.state = 'open' and not exists (
    select 1
    from sales.return_line v
    where v.cell_id = e.cell_id and v.document_id = e.receipt_id and v.line = e.line and v.settled
  )
) x on x.cell_id = r.cell_id and x.receipt_id = r.document_id and x.line = r.line
where case
  when r.document_id is null then true
  when r.sale_document_id is null then r.quantity <> 0 or x.receipt_id is not null
  else coalesce(x.quantity, 0) <> r.surplus
end
