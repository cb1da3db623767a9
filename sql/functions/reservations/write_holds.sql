-- Purpose: last step of place_hold: writes what was decided, events last.
create or replace function reservations.write_holds(
  p_cell integer, p_commands jsonb, p_lines reservations.hold_line[], p_outcomes jsonb[],
  p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_claims stock.claim_change[];
  v_events events.new_event[];
begin
  insert into reservations.reservation (
    cell_id, reservation_id, client_id, state, channel, customer, ttl_seconds, expires_at,
    placed_at, changed_at
  )
  select
    p_cell, c.reservation_id, c.client_id, 'held', c.channel, c.customer, c.ttl_seconds,
    p_now + c.ttl_seconds * interval '1 second', p_now, p_now
  from rows from (
    jsonb_to_recordset(p_commands) as (
      reservation_id uuid, client_id integer, channel text, customer text, ttl_seconds integer
    )
  ) with ordinality c (reservation_id, client_id, channel, customer, ttl_seconds, ordinality)
  where reservations.is_new_hold(p_outcomes[c.ordinality]);

  insert into stock.claim (
    cell_id, location_id, sku_id, holder_id, holder_kind, line, quantity, open_quantity, expires_at
  )
  select
    p_cell, l.location_id, l.sku_id, (p_outcomes[l.command] ->> 'reservation_id')::uuid,
    'reservation', l.line, l.quantity, case when l.problem is null then l.quantity else 0 end,
    (p_outcomes[l.command] ->> 'expires_at')::timestamptz
  from unnest(p_lines) l
  where reservations.is_new_hold(p_outcomes[l.command]);

  select array_agg((l.location_id, l.sku_id, (p_outcomes[l.command] ->> 'reservation_id')::uuid,
    'claim', l.quantity, l.quantity, (p_outcomes[l.command] ->> 'expires_at')::timestamptz,
    l.client_id)::stock.claim_change)
  into v_claims
  from unnest(p_lines) l
  where l.problem is null and reservations.is_new_hold(p_outcomes[l.command]);

  v_events := stock.post(p_cell, p_now, 'reservation.placed', null, v_claims);
  v_events := v_events || (
    select array_agg((p_now, 'reservation.placed', 'reservation/' || c.reservation_id, 1,
      c.client_id, jsonb_build_object('reservation', c.reservation_id, 'state', 'held',
        'expires_at', p_outcomes[c.ordinality] -> 'expires_at', 'channel', c.channel,
        'customer', c.customer, 'lines', c.lines))::events.new_event order by c.ordinality)
    from rows from (
      jsonb_to_recordset(p_commands) as (
        reservation_id uuid, client_id integer, channel text, customer text, lines jsonb
      )
    ) with ordinality c (reservation_id, client_id, channel, customer, lines, ordinality)
    where reservations.is_new_hold(p_outcomes[c.ordinality])
  );
  perform reservations.count_holds(p_cell, v_events);
  perform web.remember(p_cell, 'reservations.place_hold', p_commands, p_outcomes, p_now);
  perform events.write_events(p_cell, p_now, v_events);
end;
$$;
