-- Each count has told its events: the newest one's number is the count's (I18).
with kept as (
  -- events older than they are kept are dropped by the month: then the first ones are gone
  select to_regclass(
    'events.event_' || to_char(min(m.applied_at) at time zone 'UTC', 'YYYYMM')
  ) is not null as all_of_them
  from migrations.migration m
)
select s.cell_id, s.session_id, s.state, s.event_count, e.last_number
from counts.session s
left join (
  select v.cell_id, v.subject, max(v.subject_sequence) as last_number
  from events.event v
  where v.subject like 'count/%'
  group by v.cell_id, v.subject
) e on e.cell_id = s.cell_id and e.subject = 'count/' || s.session_id
cross join kept k
where e.last_number <> s.event_count or (e.last_number is null and k.all_of_them)
