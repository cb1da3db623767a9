-- Purpose: the open spans of some local dates as instants; spans may touch, or overlap where clocks
--   jump. Spans that clocks jump over are left out. Pure.
create or replace function locations.open_spans(
  p_time_zone text, p_opening_hours jsonb, p_closures jsonb, p_first date, p_last date
)
returns table (opens timestamptz, closes timestamptz)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select w.opens, w.closes
  from generate_series(0, p_last - p_first) n (number)
  cross join lateral (
    select
      p_first + n.number as day,
      (array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])[
        extract(isodow from p_first + n.number)::integer
      ] as name
  ) d
  cross join lateral jsonb_array_elements(coalesce(
    (
      select c.value -> 'hours'
      from jsonb_array_elements(p_closures) c (value)
      where c.value ->> 'date' = to_char(d.day, 'YYYY-MM-DD')
      limit 1
    ),
    p_opening_hours -> d.name, '[]'
  )) s (value)
  cross join lateral (
    select
      (d.day + ((s.value ->> 0) || ':00')::interval) at time zone p_time_zone as opens,
      (d.day + ((s.value ->> 1) || ':00')::interval) at time zone p_time_zone as closes
  ) w
  where w.opens < w.closes;
end;
$$;
