-- Goods that a till sold and staff handed over are counted once: the sale line of a matched handover is
-- counted no more, and exactly one more of its receipt's movements was taken back by a match than was
-- made to stand again. What is not matched stands (domain §2.8, §6 story 12).
select m.cell_id, m.receipt_id, m.sku_id, m.quantity, m.handovers, m.matches, m.lines_not_counted
from (
  select
    r.cell_id, r.receipt_id, d.sku_id, d.quantity,
    (
      select count(*)
      from pos.handover h
      where h.cell_id = r.cell_id and h.receipt_id = r.receipt_id and h.state = 'matched'
        and h.sku_id = d.sku_id and h.quantity = d.quantity
    ) as handovers,
    (
      select count(*) filter (where e.kind = 'matched') - count(*) filter (where e.kind = 'unmatched')
      from stock.ledger_entry e
      where e.cell_id = r.cell_id and e.document_id = r.receipt_id
        and e.kind in ('matched', 'unmatched') and e.sku_id = d.sku_id and e.quantity = d.quantity
    ) as matches,
    (
      select count(*)
      from sales.sale_line s
      where s.cell_id = r.cell_id and s.document_id = r.receipt_id and s.sku_id = d.sku_id
        and s.quantity = d.quantity and s.voided
    ) as lines_not_counted
  from (
    select h.cell_id, h.receipt_id, h.sku_id, h.quantity
    from pos.handover h
    where h.state = 'matched'
    union
    select e.cell_id, e.document_id, e.sku_id, e.quantity
    from stock.ledger_entry e
    where e.kind in ('matched', 'unmatched')
  ) d
  join pos.receipt r on r.cell_id = d.cell_id and r.receipt_id = d.receipt_id
  where r.status <> 'voided'
) m
where m.handovers <> m.matches or m.handovers <> m.lines_not_counted
union all
select h.cell_id, h.receipt_id, h.sku_id, h.quantity, 1, 0, 0
from pos.handover h
left join pos.receipt r on r.cell_id = h.cell_id and r.receipt_id = h.receipt_id
where h.state = 'matched' and (r.receipt_id is null or r.status = 'voided')
