-- Purpose: gives the goods of reservations free again; releasing twice, or after the end, changes
--   nothing and answers the same.
-- Takes: commands of reservations.commands.ReleaseReservation.
-- Lock order: reservations by id, stock levels by (location, sku), client's counter, cell's state.
-- Outcomes: released · not_found · wrong_state · idempotency_key_reused.
-- Events: reservation.released (or reservation.expired, where the end had come), stock.changed.
create or replace function reservations.release_reservation(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_asked uuid[];
  v_held uuid[];
  v_ended uuid[];
  v_seen jsonb[];
  v_outcomes jsonb[];
  v_events events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  select array_agg(c.reservation_id) into v_asked
  from jsonb_to_recordset(p_commands) as c (reservation_id uuid);
  v_now := reservations.lock_reservations(p_cell, v_asked, null, v_now);
  v_seen := web.seen_outcomes(p_cell, p_commands);

  select
    array_agg(distinct r.reservation_id) filter (where r.expires_at > v_now),
    array_agg(distinct r.reservation_id) filter (where r.expires_at <= v_now)
  into v_held, v_ended
  from rows from (
    jsonb_to_recordset(p_commands) as (reservation_id uuid, locations text[])
  ) with ordinality c (reservation_id, locations, ordinality)
  join reservations.reservation r on r.cell_id = p_cell and r.reservation_id = c.reservation_id
  where r.state = 'held' and v_seen[c.ordinality] is null
    and reservations.covered(p_cell, c.reservation_id, c.locations);

  if v_held is not null then
    v_events := reservations.end_holds(p_cell, v_now, v_held, 'released');
  end if;
  if v_ended is not null then
    v_events := v_events || reservations.end_holds(p_cell, v_now, v_ended, 'expired');
  end if;
  v_outcomes := reservations.change_outcomes(
    p_cell, p_commands, v_seen, array['released', 'expired'], 'released', v_now
  );
  perform web.remember(p_cell, 'reservations.release_reservation', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
