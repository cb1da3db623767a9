-- The events of one subject are numbered without gap or repeat, in the order of their positions
-- (I19).
with kept as (
  -- events older than they are kept are dropped by the month: then the first ones are gone
  select to_regclass(
    'events.event_' || to_char(min(m.applied_at) at time zone 'UTC', 'YYYYMM')
  ) is not null as all_of_them
  from migrations.migration m
)
select
  e.cell_id, e.subject, e.events, e.numbers, e.first_number, e.last_number, e.in_order
from (
  select
    v.cell_id, v.subject, count(*) as events, count(distinct v.subject_sequence) as numbers,
    min(v.subject_sequence) as first_number, max(v.subject_sequence) as last_number,
    bool_and(v.follows) as in_order
  from (
    select
      o.cell_id, o.subject, o.subject_sequence, o.subject_sequence > coalesce(
        lag(o.subject_sequence) over (partition by o.cell_id, o.subject order by o.sequence), 0
      ) as follows
    from events.event o
  ) v
  group by v.cell_id, v.subject
) e
cross join kept k
where e.events <> e.numbers
  or e.numbers <> e.last_number - e.first_number + 1
  or not e.in_order
  or (k.all_of_them and e.first_number <> 1)
