-- The newest stock.changed of a level has its change_count as number and its state as content; no
-- change is untold (I18, I20).
with kept as materialized (
  -- events older than they are kept are dropped by the month: then the first ones are gone
  select to_regclass(
    'events.event_' || to_char(min(m.applied_at) at time zone 'UTC', 'YYYYMM')
  ) is not null as all_of_them
  from migrations.migration m
)
select
  s.cell_id, s.subject, s.change_count, e.subject_sequence, s.version, s.sellable, s.reserved,
  s.unpicked, e.data
from (
  select
    a.*, 'stock/' || l.location || '/' || i.sku as subject
  from stock.stock_level a
  join locations.location l on l.location_id = a.location_id
  join catalog.item i on i.sku_id = a.sku_id
) s
left join (
  select distinct on (v.cell_id, v.subject) v.cell_id, v.subject, v.subject_sequence, v.data
  from events.event v
  where v.type = 'stock.changed'
  order by v.cell_id, v.subject, v.sequence desc
) e on e.cell_id = s.cell_id and e.subject = s.subject
cross join kept k
where (e.subject is null and k.all_of_them and s.change_count > 0)
  or e.subject_sequence <> s.change_count
  or (e.data ->> 'version')::bigint <> s.version
  or (e.data ->> 'sellable')::bigint <> s.sellable
  or (e.data ->> 'reserved')::bigint <> s.reserved
  or (e.data ->> 'unpicked')::bigint <> s.unpicked
