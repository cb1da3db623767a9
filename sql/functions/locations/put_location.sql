-- Purpose: makes a place or changes it (R3). A place keeps the cell it was made in.
-- Takes: commands of locations.commands.PutLocation, in arrival order, each with the whole place.
--   `cell` null: no opinion. `expected_version` null: any; 0: only if it does not exist.
-- Lock order: locations by code, then the cell's state.
-- Outcomes: created · updated · unchanged (with `version` and `cell`) · cell_is_fixed ·
--   precondition_failed · idempotency_key_reused.
-- Events: location.hours_changed when hours, closures or the zone change; location.closed.
create or replace function locations.put_location(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_outcomes jsonb[];
  v_events events.new_event[] := '{}';
  v_each record;
  v_wrote record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform 1
  from locations.location l
  where l.location in (
    select c.location from jsonb_to_recordset(p_commands) as c (location text)
  )
  order by l.location
  for update of l;

  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  insert into events.cell_state (cell_id) values (p_cell) on conflict do nothing;
  for v_each in
    select c.command, c.ordinality
    from jsonb_array_elements(p_commands) with ordinality c (command, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_each.ordinality] is null then
      select w.* into v_wrote from locations.write_location(p_cell, v_each.command, v_now) w;
      v_outcomes[v_each.ordinality] := v_wrote.outcome;
      v_events := v_events || v_wrote.events;
    elsif v_outcomes[v_each.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_each.ordinality] := web.twin_outcome(v_outcomes[v_each.ordinality], v_outcomes);
    end if;
  end loop;
  perform web.remember(p_cell, 'locations.put_location', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
