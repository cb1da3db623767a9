-- What is in transit by the ledger is, for each transfer and item, what was sent and has neither come
-- nor been lost; nothing is once the transfer is over (I17). Units lost, found and gained are those
-- of the ledger too.
select
  coalesce(n.cell_id, e.cell_id) as cell_id, coalesce(n.transfer_id, e.document_id) as transfer_id,
  coalesce(n.sku_id, e.sku_id) as sku_id, n.state, n.open, n.dispatched, n.received, n.lost,
  n.found, n.extra, e.transit, e.dispatched as sent_by_entries, e.received as come_by_entries,
  e.lost as lost_by_entries, e.found as found_by_entries, e.extra as extra_by_entries
from (
  select
    l.cell_id, l.transfer_id, l.sku_id, t.state, l.open, l.dispatched, l.received, l.lost, l.found,
    l.extra
  from transfers.transfer_line l
  left join transfers.transfer t on t.cell_id = l.cell_id and t.transfer_id = l.transfer_id
) n
full join (
  select
    g.cell_id, g.document_id, g.sku_id,
    sum(case 'in_transit'
      when g.to_account then g.quantity when g.from_account then -g.quantity else 0
    end) as transit,
    coalesce(sum(g.quantity) filter (where g.kind = 'transfer_dispatch'), 0) as dispatched,
    coalesce(sum(g.quantity) filter (where g.kind = 'transfer_receipt'), 0) as received,
    coalesce(sum(g.quantity) filter (where g.kind = 'transfer_loss'), 0) as lost,
    coalesce(sum(g.quantity) filter (where g.kind = 'transfer_found'), 0) as found,
    coalesce(sum(g.quantity) filter (where g.kind = 'transfer_gain'), 0) as extra
  from stock.ledger_entry g
  where g.kind in (
    'transfer_dispatch', 'transfer_receipt', 'transfer_loss', 'transfer_found', 'transfer_gain'
  )
  group by g.cell_id, g.document_id, g.sku_id
) e on e.cell_id = n.cell_id and e.document_id = n.transfer_id and e.sku_id = n.sku_id
where n.state is null
  or (n.dispatched, n.received, n.lost, n.found, n.extra) is distinct from (
    coalesce(e.dispatched, 0), coalesce(e.received, 0), coalesce(e.lost, 0),
    coalesce(e.found, 0), coalesce(e.extra, 0)
  )
  or coalesce(e.transit, 0) <> n.dispatched - n.received - n.lost
  or (n.state in ('received', 'closed', 'cancelled') and coalesce(e.transit, 0) + n.open <> 0)
  or (n.state in ('requested', 'cancelled') and n.dispatched <> 0)
