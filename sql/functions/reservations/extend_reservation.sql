-- Purpose: adds a reservation's own ttl to its end, once, while it is alive.
-- Takes: commands of reservations.commands.ExtendReservation.
-- Lock order: reservations by id, stock levels by (location, sku), cell's state. The levels are
--   locked so that a hold which the row's last winner saw as ended cannot be revived.
-- Outcomes: extended · not_found · reservation_expired · already_extended · wrong_state ·
--   idempotency_key_reused.
-- Events: reservation.extended.
create or replace function reservations.extend_reservation(
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
  v_done uuid[];
  v_outcomes jsonb[];
  v_before jsonb[];
  v_events events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  select array_agg(c.reservation_id) into v_asked
  from jsonb_to_recordset(p_commands) as c (reservation_id uuid);
  v_now := reservations.lock_reservations(p_cell, v_asked, null, v_now);
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  v_before := reservations.extendable(p_cell, p_commands, v_outcomes, v_now);

  select array_agg(distinct (b.outcome ->> 'extend')::uuid) into v_done
  from unnest(v_before) b (outcome)
  where b.outcome ? 'extend';
  update reservations.reservation r
  set
    expires_at = r.expires_at + r.ttl_seconds * interval '1 second', extended = true,
    changed_at = v_now, version = r.version + 1
  where r.cell_id = p_cell and r.reservation_id = any (v_done);
  update stock.claim c
  set expires_at = r.expires_at
  from reservations.reservation r
  where r.cell_id = p_cell and r.reservation_id = c.holder_id
    and c.cell_id = p_cell and c.holder_id = any (v_done) and c.open_quantity > 0;

  select array_agg((v_now, 'reservation.extended', 'reservation/' || r.reservation_id, r.version,
    r.client_id, reservations.tell_reservation(p_cell, r.reservation_id, v_now)
    )::events.new_event order by r.reservation_id)
  into v_events
  from reservations.reservation r
  where r.cell_id = p_cell and r.reservation_id = any (v_done);
  v_outcomes := reservations.change_outcomes(
    p_cell, p_commands, reservations.without_extended(v_before), array['held'], 'extended', v_now
  );
  perform web.remember(p_cell, 'reservations.extend_reservation', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
