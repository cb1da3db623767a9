-- The balance of each account is the sum of its movements, every movement has a level, and the
-- level knows since when and until when goods moved there, and how far ahead of their recording
-- (I1, domain §1.1, §1.3).
select
  coalesce(s.cell_id, e.cell_id) as cell_id,
  (
    select l.location
    from locations.location l
    where l.location_id = coalesce(s.location_id, e.location_id)
  ) as location,
  (select i.sku from catalog.item i where i.sku_id = coalesce(s.sku_id, e.sku_id)) as sku,
  array[s.sellable, s.staged, s.quarantine, s.damaged, s.display, s.missing] as in_level,
  array[e.sellable, e.staged, e.quarantine, e.damaged, e.display, e.missing] as in_ledger,
  s.first_moved_at, e.first_occurred_at, s.last_moved_at, e.last_occurred_at, s.moved_ahead
from stock.stock_level s
full join (
  select
    g.cell_id, g.location_id, g.sku_id, min(g.occurred_at) as first_occurred_at,
    max(g.occurred_at) as last_occurred_at, max(g.occurred_at - g.recorded_at) as ahead,
    sum(case 'sellable'
      when g.to_account then g.quantity when g.from_account then -g.quantity else 0
    end) as sellable,
    sum(case 'staged'
      when g.to_account then g.quantity when g.from_account then -g.quantity else 0
    end) as staged,
    sum(case 'quarantine'
      when g.to_account then g.quantity when g.from_account then -g.quantity else 0
    end) as quarantine,
    sum(case 'damaged'
      when g.to_account then g.quantity when g.from_account then -g.quantity else 0
    end) as damaged,
    sum(case 'display'
      when g.to_account then g.quantity when g.from_account then -g.quantity else 0
    end) as display,
    sum(case 'missing'
      when g.to_account then g.quantity when g.from_account then -g.quantity else 0
    end) as missing
  from stock.ledger_entry g
  group by g.cell_id, g.location_id, g.sku_id
) e on e.cell_id = s.cell_id and e.location_id = s.location_id and e.sku_id = s.sku_id
where s.cell_id is null
  or (s.sellable, s.staged, s.quarantine, s.damaged, s.display, s.missing) is distinct from (
    coalesce(e.sellable, 0), coalesce(e.staged, 0), coalesce(e.quarantine, 0),
    coalesce(e.damaged, 0), coalesce(e.display, 0), coalesce(e.missing, 0)
  )
  or s.first_moved_at is distinct from e.first_occurred_at
  or s.last_moved_at is distinct from e.last_occurred_at
  or s.moved_ahead < e.ahead
