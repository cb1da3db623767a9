-- A receipt is partly posted exactly while one of its lines waits for a person to say what it is, and
-- says so itself (domain §2.3, I9).
select r.cell_id, r.receipt_id, r.terminal, r.sequence, r.status, x.lines
from pos.receipt r
left join (
  select e.cell_id, e.receipt_id, count(*) as lines
  from pos.exception e
  where e.kind in ('unmapped', 'fractional_quantity') and e.state = 'open'
  group by e.cell_id, e.receipt_id
) x on x.cell_id = r.cell_id and x.receipt_id = r.receipt_id
where (r.status = 'partly_posted') <> (coalesce(x.lines, 0) > 0)
