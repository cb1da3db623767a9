-- Each change of a transfer has its event: the newest one's number is the version and its content
-- the state (I18).
with kept as (
  -- events older than they are kept are dropped by the month: then the first ones are gone
  select to_regclass(
    'events.event_' || to_char(min(m.applied_at) at time zone 'UTC', 'YYYYMM')
  ) is not null as all_of_them
  from migrations.migration m
)
select t.cell_id, t.transfer_id, t.state, t.version, e.last_number, e.told_state
from transfers.transfer t
left join (
  select distinct on (v.cell_id, v.subject)
    v.cell_id, v.subject, v.subject_sequence as last_number, v.data ->> 'state' as told_state
  from events.event v
  where v.subject like 'transfer/%'
  order by v.cell_id, v.subject, v.subject_sequence desc
) e on e.cell_id = t.cell_id and e.subject = 'transfer/' || t.transfer_id
cross join kept k
where e.last_number <> t.version
  or e.told_state <> t.state
  or (e.last_number is null and k.all_of_them)
