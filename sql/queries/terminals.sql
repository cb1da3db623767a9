-- Tills, and what they leave open.

-- name: cells_of_terminals
-- Of every cell: the cell of each of some terminals, where its newest life stands.
select distinct on (t.terminal) t.terminal, t.cell_id as cell
from pos.terminal t
where t.terminal = any($1::text[])
order by t.terminal, t.epoch desc

-- name: terminal_by_code
-- Of every cell: a terminal in its newest life, if its location is in a token's list (null: all).
select terminals.terminal_body(t, coalesce($3::timestamptz, now()))::text as body
from pos.terminal t
join locations.location l on l.location_id = t.location_id
where t.terminal = $1 and ($2::text[] is null or l.location = any($2))
  and not exists (
    select 1 from pos.terminal n where n.terminal = t.terminal and n.epoch > t.epoch
  )

-- name: terminals_after
-- Of every cell: terminals in their newest lives by code, from after the one given, of a token's
-- list (null: all).
select terminals.terminal_body(w.t, coalesce($4::timestamptz, now()))::text as body
from (
  select t
  from pos.terminal t
  join locations.location l on l.location_id = t.location_id
  where t.terminal > $1 and ($2::text[] is null or l.location = any($2))
    and not exists (
      select 1 from pos.terminal n where n.terminal = t.terminal and n.epoch > t.epoch
    )
  order by t.terminal
  limit $3
) w
order by (w.t).terminal

-- name: places_with_tills_after
-- Of every cell: what places that have tills leave open on a day (null: each one's today), by code
-- from after the one given, of a token's list (null: all), or one place.
select terminals.reconcile_place(w.l, $4::date, coalesce($6::timestamptz, now()))::text as body
from (
  select l
  from locations.location l
  where l.location > $1 and ($2::text[] is null or l.location = any($2))
    and ($5::text is null or l.location = $5)
    and ($5::text is not null or exists (
      select 1 from pos.terminal t
      where t.cell_id = l.cell_id and t.location_id = l.location_id
    ))
  order by l.location
  limit $3
) w
order by (w.l).location
