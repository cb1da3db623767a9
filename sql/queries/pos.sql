-- Tills and what they said.

-- name: cells_of_terminals
-- Of every cell: the cell of each of some terminals, where its newest life stands.
select distinct on (t.terminal) t.terminal, t.cell_id as cell
from pos.terminal t
where t.terminal = any($1::text[])
order by t.terminal, t.epoch desc

-- name: terminal_by_code
-- Of every cell: a terminal in its newest life, if its location is in a token's list (null: all).
select
  t.terminal, l.location, t.name, t.epoch, t.first_sequence, t.last_sequence, t.last_seen_at
from pos.terminal t
join locations.location l on l.location_id = t.location_id
where t.terminal = $1 and ($2::text[] is null or l.location = any($2))
  and not exists (
    select 1 from pos.terminal n where n.terminal = t.terminal and n.epoch > t.epoch
  )

-- name: terminals_after
-- Of every cell: terminals in their newest lives by code, from after the one given, of a token's
-- list (null: all).
select
  t.terminal, l.location, t.name, t.epoch, t.first_sequence, t.last_sequence, t.last_seen_at
from pos.terminal t
join locations.location l on l.location_id = t.location_id
where t.terminal > $1 and ($2::text[] is null or l.location = any($2))
  and not exists (
    select 1 from pos.terminal n where n.terminal = t.terminal and n.epoch > t.epoch
  )
order by t.terminal
limit $3

-- name: exceptions_before
-- Of every cell: exceptions, newest first, from before the (time, id) given, by kind, state,
-- location (null: any).
select pos.exception_body(x)::text as body
from pos.exception x
left join locations.location l on l.location_id = x.location_id
where ($1::timestamptz is null or (x.recorded_at, x.exception_id) < ($1::timestamptz, $2::uuid))
  and ($3::text is null or x.kind = $3) and ($4::text is null or x.state = $4)
  and ($5::text is null or l.location = $5)
  and ($6::text[] is null or l.location = any($6))
order by x.recorded_at desc, x.exception_id desc
limit $7

-- name: exception_by_id
-- One exception, if its location is in a token's list (null: all).
select pos.exception_body(x)::text as body
from pos.exception x
left join locations.location l on l.location_id = x.location_id
where x.cell_id = $1 and x.exception_id = $2::uuid
  and ($3::text[] is null or l.location = any($3))
