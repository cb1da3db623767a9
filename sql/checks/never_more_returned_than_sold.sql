-- Of each sale line at most what was sold came back, and as many units as its return lines say,
-- over all channels (I14, R17).
select
  coalesce(s.cell_id, r.cell_id) as cell_id, coalesce(s.document_id, r.document_id) as document_id,
  coalesce(s.line, r.line) as line, s.quantity, s.returned, r.units
from sales.sale_line s
full join (
  select
    v.cell_id, v.sale_document_id as document_id, v.sale_line as line, sum(v.quantity) as units
  from sales.return_line v
  where not v.voided and v.sale_document_id is not null
  group by v.cell_id, v.sale_document_id, v.sale_line
) r on r.cell_id = s.cell_id and r.document_id = s.document_id and r.line = s.line
where s.cell_id is null
  or s.returned <> coalesce(r.units, 0)
  or s.returned not between 0 and s.quantity
