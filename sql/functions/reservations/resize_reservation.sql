-- Purpose: replaces the lines of a live reservation at one place, up or down, all or none. What it
--   holds already counts for it.
-- Takes: commands of reservations.commands.ResizeReservation, one after the other: each may depend
--   on the one before.
-- Lock order: reservations by id, stock levels by (location, sku), cell's state.
-- Outcomes: resized · insufficient_stock · uncertain_stock · location_closed · unknown_sku ·
--   not_found · reservation_expired · wrong_state · idempotency_key_reused.
-- Events: reservation.resized, stock.changed.
create or replace function reservations.resize_reservation(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_commands jsonb;
  v_asked uuid[];
  v_outcomes jsonb[];
  v_all_events events.new_event[];
  v_ask record;
  v_result record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  v_commands := reservations.place_lines(p_cell, p_commands);
  select array_agg(c.reservation_id) into v_asked
  from jsonb_to_recordset(p_commands) as c (reservation_id uuid);
  v_now := reservations.lock_reservations(
    p_cell, v_asked, reservations.parse_holds(p_cell, v_commands), v_now
  );
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_ask in
    select c.reservation_id, c.locations, c.client_id, c.ordinality
    from rows from (
      jsonb_to_recordset(p_commands)
      as (reservation_id uuid, locations text[], client_id integer)
    ) with ordinality c (reservation_id, locations, client_id, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_ask.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_ask.ordinality] :=
        web.twin_outcome(v_outcomes[v_ask.ordinality], v_outcomes);
    end if;
    continue when v_outcomes[v_ask.ordinality] is not null;
    if not reservations.covered(p_cell, v_ask.reservation_id, v_ask.locations) then
      v_outcomes[v_ask.ordinality] := '{"code": "not_found"}';
      continue;
    end if;
    select * into v_result
    from reservations.resize_one(
      p_cell, v_ask.reservation_id, v_ask.client_id,
      jsonb_build_array(v_commands -> (v_ask.ordinality - 1)::integer), v_now
    );
    v_outcomes[v_ask.ordinality] := v_result.p_outcome;
    v_all_events := v_all_events || v_result.p_events;
  end loop;
  perform web.remember(p_cell, 'reservations.resize_reservation', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_all_events);
  return to_jsonb(v_outcomes);
end;
$$;
