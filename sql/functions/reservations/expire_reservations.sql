-- Purpose: ends reservations whose time is over. Reads and guards ignore them already; this writes
--   the release and its event. What another process has locked is left to it.
-- Takes: commands of reservations.commands.ExpireReservations.
-- Lock order: reservations (skipping locked ones), stock levels by (location, sku), client's
--   counter, cell's state.
-- Outcomes: expired. Events: reservation.expired, stock.changed.
create or replace function reservations.expire_reservations(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_due uuid[];
  v_events events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  select array_agg(d.reservation_id order by d.reservation_id) into v_due
  from (
    select r.reservation_id
    from reservations.reservation r
    where r.cell_id = p_cell and r.state = 'held' and r.expires_at <= v_now
    order by r.expires_at, r.reservation_id
    limit (select max(c.most) from jsonb_to_recordset(p_commands) as c (most integer))
    for update of r skip locked
  ) d;
  if v_due is not null then
    v_now := reservations.lock_reservations(p_cell, v_due, null, v_now);
    v_events := reservations.end_holds(p_cell, v_now, v_due, 'expired');
    perform events.write_events(p_cell, v_now, v_events);
  end if;
  return (
    select jsonb_agg(jsonb_build_object('code', 'expired', 'reservations',
      case when c.ordinality = 1 then coalesce(cardinality(v_due), 0) else 0 end))
    from jsonb_array_elements(p_commands) with ordinality c
  );
end;
$$;
