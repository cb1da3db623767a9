-- Each change of a receipt has its event: the newest one's number is the version (I8, I18).
with kept as (
  -- events older than they are kept are dropped by the month: then the first ones are gone
  select to_regclass(
    'events.event_' || to_char(min(m.applied_at) at time zone 'UTC', 'YYYYMM')
  ) is not null as all_of_them
  from migrations.migration m
)
select r.cell_id, r.receipt_id, r.terminal, r.sequence, r.status, r.version, e.last_number
from pos.receipt r
left join (
  select v.cell_id, v.subject, max(v.subject_sequence) as last_number
  from events.event v
  where v.subject like 'receipt/%'
  group by v.cell_id, v.subject
) e on e.cell_id = r.cell_id and e.subject = 'receipt/' || r.receipt_id
cross join kept k
where e.last_number <> r.version or (e.last_number is null and k.all_of_them)
