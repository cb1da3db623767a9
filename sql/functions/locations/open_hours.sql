-- Purpose: how many hours a place is open between two instants, by its week, its closures and its
--   zone (as service/locations/rules.py counts them; domain §1.6). A closure replaces its day, a
--   missing wall time is shifted forward, of an ambiguous one the later counts. A place that has no
--   opening hours at all counts as always open; an end before its beginning gives 0.
-- Bounds: the newest 400 days are counted span by span; what lies before them by the mean week.
create or replace function locations.open_hours(
  p_location_id integer, p_from timestamptz, p_to timestamptz
)
returns double precision
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_place record;
  v_from timestamptz := greatest(p_from, p_to - interval '400 days');
  v_exact double precision;
  v_week double precision := 0;
begin
  select l.time_zone, l.opening_hours, l.closures into v_place
  from locations.location l
  where l.location_id = p_location_id;
  if not p_from < p_to then
    return 0;
  end if;
  if not v_place.opening_hours @? '$.*[*]' and not v_place.closures @? '$[*].hours[*]' then
    return extract(epoch from p_to - p_from) / 3600;
  end if;
  if p_from < v_from then
    v_week := (
      select coalesce(sum(extract(epoch from (s.value ->> 1)::time - (s.value ->> 0)::time)), 0)
      from jsonb_path_query(v_place.opening_hours, '$.*[*]') s (value)
    ) / 3600;
  end if;

  select sum(extract(epoch from upper(w.span) - lower(w.span))) / 3600 into v_exact
  from unnest((
    select range_agg(tstzrange(o.opens, o.closes))
    from locations.open_spans(
      v_place.time_zone, v_place.opening_hours, v_place.closures,
      (v_from at time zone v_place.time_zone)::date - 1,
      (p_to at time zone v_place.time_zone)::date + 1
    ) o
  ) * tstzmultirange(tstzrange(v_from, p_to))) w (span);
  return coalesce(v_exact, 0)
    + v_week * extract(epoch from v_from - least(p_from, v_from)) / (7 * 86400);
end;
$$;
