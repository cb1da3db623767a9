-- Every movement of a voided receipt is reversed by the receipt that voided it, or was taken back by
-- the receipt itself before (a match with a handover), and its sale lines are voided with it (domain
-- §2.3). A returned unit that moved on from quarantine is taken from sellable.
select r.cell_id, r.receipt_id, r.terminal, r.sequence, r.voided_by
from pos.receipt r
where (r.status = 'voided' or r.voided_by is not null) and (
  r.status <> 'voided'
  or r.voided_by is null
  or exists (
    select 1
    from stock.ledger_entry e
    where e.cell_id = r.cell_id and e.document_id = r.receipt_id and e.reverses is null
      and e.kind <> 'return_linked' and not exists (
      select 1
      from stock.ledger_entry v
      where v.cell_id = e.cell_id and v.document_id in (r.voided_by, r.receipt_id)
        and v.location_id = e.location_id and v.sku_id = e.sku_id
        and v.reverses = e.ledger_sequence
    )
  )
  or exists (
    select 1
    from sales.sale_line s
    where s.cell_id = r.cell_id and s.document_id = r.receipt_id and not s.voided
  )
)
