-- Each entry of either ledger has its own number within its level, from 1 to the level's version. A
-- number may be without an entry: a count that found the book right, another safety stock (I20).
select
  e.cell_id,
  (select l.location from locations.location l where l.location_id = e.location_id) as location,
  (select i.sku from catalog.item i where i.sku_id = e.sku_id) as sku,
  s.version, e.entries, e.numbers, e.first_number, e.last_number
from (
  select
    n.cell_id, n.location_id, n.sku_id, count(*) as entries,
    count(distinct n.ledger_sequence) as numbers, min(n.ledger_sequence) as first_number,
    max(n.ledger_sequence) as last_number
  from (
    select g.cell_id, g.location_id, g.sku_id, g.ledger_sequence
    from stock.ledger_entry g
    union all
    select c.cell_id, c.location_id, c.sku_id, c.ledger_sequence
    from stock.claim_entry c
  ) n
  group by n.cell_id, n.location_id, n.sku_id
) e
join stock.stock_level s
  on s.cell_id = e.cell_id and s.location_id = e.location_id and s.sku_id = e.sku_id
where e.numbers < e.entries or e.first_number < 1 or e.last_number > s.version
