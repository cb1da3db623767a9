-- The positions of a cell's events run without gap or repeat up to the cell's state (I18, I19).
with kept as (
  -- events older than they are kept are dropped by the month: then the first ones are gone
  select to_regclass(
    'events.event_' || to_char(min(m.applied_at) at time zone 'UTC', 'YYYYMM')
  ) is not null as all_of_them
  from migrations.migration m
)
select
  c.cell_id, c.sequence, e.events, e.positions, e.first_position, e.last_position
from events.cell_state c
full join (
  select
    v.cell_id, count(*) as events, count(distinct v.sequence) as positions,
    min(v.sequence) as first_position, max(v.sequence) as last_position
  from events.event v
  group by v.cell_id
) e on e.cell_id = c.cell_id
cross join kept k
where c.cell_id is null
  or e.events <> e.positions
  or e.positions <> e.last_position - e.first_position + 1
  or e.last_position <> c.sequence
  or (k.all_of_them and coalesce(e.first_position, c.sequence + 1) <> 1)
