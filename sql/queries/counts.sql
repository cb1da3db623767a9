-- Counts of what is really there, as they are asked for.

-- name: session_by_id
-- One count with its places and state; null where there is none.
select counts.tell_session($1::integer, $2::uuid)

-- name: sessions_before
-- Of every cell: counts, newest first, from before the one given, by location and state (null: any), of
-- a token's list (null: all).
select counts.tell_session(s.cell_id, s.session_id)::text as body
from counts.session s
join locations.location l on l.location_id = s.location_id
where ($1::uuid is null or s.session_id < $1)
  and ($2::text is null or l.location = $2) and ($3::text is null or s.state = $3)
  and ($4::text[] is null or l.location = any($4))
order by s.session_id desc
limit $5

-- name: tasks_after
-- Of every cell: what somebody has to go and count, oldest first, from after the (time, task) given, by
-- location (null: any), of a token's list (null: all).
select t.task_id::text as id, l.location, i.sku, i.name, t.reason, t.opened_at
from stock.count_task t
join locations.location l on l.location_id = t.location_id
join catalog.item i on i.sku_id = t.sku_id
where t.done_at is null
  and ($1::timestamptz is null or (t.opened_at, t.task_id) > ($1::timestamptz, $2::uuid))
  and ($3::text is null or l.location = $3)
  and ($4::text[] is null or l.location = any($4))
order by t.opened_at, t.task_id
limit $5

-- name: lines_after
-- The items of a count by SKU, from after the one given. What the book had is told once the count is
-- handed in (blind before): as known now, and of what is posted, as it was then. With $5 only what is
-- over $4 sales units, or is to be counted again.
select
  k.sku, coalesce(i.counted, j.counted, n.counted) as counted,
  coalesce(i.counted_at, j.counted_at, n.counted_at) as counted_at,
  coalesce(i.expected, j.expected) as expected,
  coalesce(i.counted - i.expected, j.counted - j.expected) as variance,
  case when s.state in ('submitted', 'approved', 'posted') then coalesce(n.first_at < n.counted_at
    and exists (
      select 1
      from stock.ledger_entry e
      where e.cell_id = $1::integer and e.location_id = s.location_id and e.sku_id = i.sku_id
        and 'sellable' in (e.from_account, e.to_account)
        and e.kind not in ('count', 'count_trueup')
        and e.occurred_at > n.first_at and e.occurred_at <= n.counted_at
        -- nothing is recorded long before it occurs: the months before are not looked at
        and e.recorded_at > n.first_at - interval '1 hour'
    ), false) end as moved_meanwhile,
  i.round = s.round and s.round > 1 as recount, i.posted_at is not null as posted,
  coalesce(n.zones, '[]')::text as zones
from counts.session s
join counts.item i on i.cell_id = $1::integer and i.session_id = s.session_id
join catalog.item k on k.sku_id = i.sku_id
left join (
  select o.*
  from counts.session h
  cross join lateral counts.judge($1::integer, h, false) o
  where h.cell_id = $1::integer and h.session_id = $2::uuid and h.state = 'submitted'
) j on j.sku_id = i.sku_id
left join lateral (
  select
    sum(o.quantity)::bigint as counted, max(o.counted_at) as counted_at,
    min(o.first_at) as first_at,
    jsonb_agg(jsonb_build_object(
      'zone', o.zone, 'quantity', o.quantity, 'counted_at', o.counted_at, 'employee', o.employee
    ) order by o.zone) as zones
  from counts.line o
  where o.cell_id = $1::integer and o.session_id = s.session_id and o.sku_id = i.sku_id
    and o.round = i.round
) n on true
where s.cell_id = $1::integer and s.session_id = $2::uuid and k.sku > $3
  and (not $5::boolean or i.round = s.round and s.round > 1 and s.state = 'recount'
    or abs(coalesce(i.counted - i.expected, j.counted - j.expected)) > $4::bigint * k.scale)
order by k.sku
limit $6
