-- What had occurred on the shelf by the moment of a level's newest count sums up to what was counted,
-- whenever it was recorded, and the level knows that moment (I12, domain §1.3). Of several counts of
-- one moment the one that was posted last stands.
select
  c.cell_id,
  (select l.location from locations.location l where l.location_id = c.location_id) as location,
  (select i.sku from catalog.item i where i.sku_id = c.sku_id) as sku,
  c.counted_at, c.counted, coalesce(e.sellable, 0) as in_ledger, s.last_counted_at
from (
  select
    n.cell_id, n.location_id, n.sku_id, n.counted_at, array_agg(n.counted) as counted
  from (
    select
      k.*, rank() over (
        partition by k.cell_id, k.location_id, k.sku_id
        order by k.counted_at desc, k.recorded_at desc
      ) as age
    from stock.stock_count k
  ) n
  where n.age = 1
  group by n.cell_id, n.location_id, n.sku_id, n.counted_at
) c
left join stock.stock_level s
  on s.cell_id = c.cell_id and s.location_id = c.location_id and s.sku_id = c.sku_id
left join (
  select
    k.cell_id, k.location_id, k.sku_id, sum(case 'sellable'
      when g.to_account then g.quantity when g.from_account then -g.quantity else 0
    end) as sellable
  from (
    select m.cell_id, m.location_id, m.sku_id, max(m.counted_at) as counted_at
    from stock.stock_count m
    group by m.cell_id, m.location_id, m.sku_id
  ) k
  join stock.ledger_entry g
    on g.cell_id = k.cell_id and g.location_id = k.location_id and g.sku_id = k.sku_id
    and g.occurred_at <= k.counted_at
  group by k.cell_id, k.location_id, k.sku_id
) e on e.cell_id = c.cell_id and e.location_id = c.location_id and e.sku_id = c.sku_id
where coalesce(e.sellable, 0) <> all (c.counted)
  or s.last_counted_at is null or s.last_counted_at < c.counted_at
