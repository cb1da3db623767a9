-- The end state of a world, to compare it with another one's.

-- name: end_state
-- Of every cell: balances, claims, shortfalls, receipts, sale lines and open items as lines of
-- kind, key and value between tabs, in the order of their characters; no ids and no times in them.
select w.line
from (
  select concat_ws(E'\t', 'balance', l.location, i.sku, b.account, sum(b.units)::text) as line
  from (
    select e.location_id, e.sku_id, e.to_account as account, e.quantity as units
    from stock.ledger_entry e
    union all
    select e.location_id, e.sku_id, e.from_account, -e.quantity
    from stock.ledger_entry e
  ) b
  join locations.location l on l.location_id = b.location_id
  join catalog.item i on i.sku_id = b.sku_id
  group by l.location, i.sku, b.account
  having sum(b.units) <> 0
  union all
  select concat_ws(E'\t', 'claim', l.location, i.sku, c.holder_kind, sum(c.open_quantity)::text)
  from stock.claim c
  join locations.location l on l.location_id = c.location_id
  join catalog.item i on i.sku_id = c.sku_id
  where c.open_quantity > 0 and (c.expires_at is null or c.expires_at > now())
  group by l.location, i.sku, c.holder_kind
  union all
  select concat_ws(E'\t', 'shortfall', l.location, i.sku, s.quantity::text)
  from stock.shortfall s
  join locations.location l on l.location_id = s.location_id
  join catalog.item i on i.sku_id = s.sku_id
  union all
  select concat_ws(E'\t', 'receipt', r.terminal, r.epoch::text, r.sequence::text, r.status)
  from pos.receipt r
  union all
  select concat_ws(
    E'\t', 'sale_line', r.terminal, r.epoch::text, r.sequence::text, s.line::text, i.sku,
    format('sold %s, returned %s%s', s.quantity, s.returned, case when s.voided then ', voided' end)
  )
  from sales.sale_line s
  join pos.receipt r on r.cell_id = s.cell_id and r.receipt_id = s.document_id
  join catalog.item i on i.sku_id = s.sku_id
  union all
  select concat_ws(
    E'\t', 'open', x.kind, x.terminal, coalesce(x.epoch, 0)::text, x.sequence::text,
    coalesce(x.line, 0)::text, coalesce(x.code, x.gtin, x.sku, '-'), coalesce(x.quantity, 0)::text
  )
  from pos.exception x
  where x.state = 'open'
) w
order by w.line collate "C"
