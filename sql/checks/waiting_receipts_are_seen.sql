-- A receipt that waits, for review or for its sale, stands open before a person (I9: nothing that a
-- till said is lost).
select r.cell_id, r.receipt_id, r.terminal, r.sequence, r.status
from pos.receipt r
where r.status in ('held_for_review', 'parked') and not exists (
  select 1
  from pos.exception x
  where x.cell_id = r.cell_id and x.receipt_id = r.receipt_id and x.kind = r.status
    and x.state = 'open'
)
