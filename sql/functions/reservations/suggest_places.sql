-- Purpose: where else all lines of a refused hold can be had now, nearest first (five at most), and
--   keeps the answer with the refusal, so that its replay says the same.
-- Takes: commands of reservations.commands.SuggestPlaces, right after the refusal.
-- Lock order: command rows only. Outcomes: suggested. Events: none.
create or replace function reservations.suggest_places(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_found jsonb[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  -- many refusals of one moment ask the same question: it is answered once
  with asked as (
    select c.lines, c.locations, c.ordinality
    from rows from (
      jsonb_to_recordset(p_commands) as (lines jsonb, locations text[])
    ) with ordinality c (lines, locations, ordinality)
  ), answered as materialized (
    select
      q.lines, q.locations,
      reservations.places_for(p_cell, q.lines, q.locations, v_now) as places
    from (select distinct a.lines, a.locations from asked a) q
  )
  select array_agg(n.places order by a.ordinality) into v_found
  from asked a
  join answered n on n.lines = a.lines and n.locations is not distinct from a.locations;

  update web.command w
  set outcome = w.outcome || jsonb_build_object('alternatives', v_found[c.ordinality])
  from rows from (
    jsonb_to_recordset(p_commands) as (client_id integer, key text)
  ) with ordinality c (client_id, key, ordinality)
  where w.cell_id = p_cell and w.client_id = c.client_id and w.key = c.key
    and w.outcome ->> 'code' = 'insufficient_stock' and not w.outcome ? 'alternatives';
  return (
    select jsonb_agg(jsonb_build_object('code', 'suggested', 'alternatives', f.places)
      order by f.ordinality)
    from unnest(v_found) with ordinality f (places, ordinality)
  );
end;
$$;
