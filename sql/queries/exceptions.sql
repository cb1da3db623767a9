-- What a person has to look at.

-- name: exceptions_before
-- Of every cell: exceptions, newest first, from before the (time, id) given, by kind and state
-- (null: any).
select exceptions.exception_body(x)::text as body
from pos.exception x
where ($1::timestamptz is null or (x.recorded_at, x.exception_id) < ($1::timestamptz, $2::uuid))
  and ($3::text is null or x.kind = $3) and ($4::text is null or x.state = $4)
order by x.recorded_at desc, x.exception_id desc
limit $5

-- name: exceptions_of_places_before
-- Of every cell: the same of some places. Each place's are walked from where the page begins.
select exceptions.exception_body(e)::text as body
from (
  select l.location_id
  from locations.location l
  where l.location = any($6::text[])
  order by l.location
  offset 0
) p
cross join lateral (
  select x.*
  from pos.exception x
  where x.location_id = p.location_id
    and ($1::timestamptz is null or (x.recorded_at, x.exception_id) < ($1::timestamptz, $2::uuid))
    and ($3::text is null or x.kind = $3) and ($4::text is null or x.state = $4)
  order by x.recorded_at desc, x.exception_id desc
  limit $5
) e
order by e.recorded_at desc, e.exception_id desc
limit $5

-- name: open_exceptions_of_places_before
-- Of every cell: the open ones of some places: there are few, whatever was resolved before.
select exceptions.exception_body(e)::text as body
from (
  select l.location_id
  from locations.location l
  where l.location = any($6::text[]) and $4::text = 'open'
  order by l.location
  offset 0
) p
cross join lateral (
  select x.*
  from pos.exception x
  where x.location_id = p.location_id and x.state = 'open'
    and ($1::timestamptz is null or (x.recorded_at, x.exception_id) < ($1::timestamptz, $2::uuid))
    and ($3::text is null or x.kind = $3)
  order by x.recorded_at desc, x.exception_id desc
  limit $5
) e
order by e.recorded_at desc, e.exception_id desc
limit $5

-- name: exception_by_id
-- One exception, if its location is in a token's list (null: all).
select exceptions.exception_body(x)::text as body
from pos.exception x
left join locations.location l on l.location_id = x.location_id
where x.cell_id = $1 and x.exception_id = $2::uuid
  and ($3::text[] is null or l.location = any($3))
