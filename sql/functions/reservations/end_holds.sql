-- Purpose: ends held reservations that the caller has locked with their levels: closes the claims,
--   frees the goods, sets the state (released, expired) and hands back the events.
create or replace function reservations.end_holds(
  p_cell integer, p_now timestamptz, p_reservation_ids uuid[], p_state text
)
returns events.new_event[]
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
  select array_agg((c.location_id, c.sku_id, c.holder_id,
    case p_state when 'expired' then 'expire' else 'release' end, -c.open_quantity,
    -(c.open_quantity - c.staged_quantity), null, r.client_id)::stock.claim_change
    order by c.location_id, c.sku_id, c.holder_id)
  into v_claims
  from stock.claim c
  join reservations.reservation r
    on r.cell_id = p_cell and r.reservation_id = c.holder_id
  where c.cell_id = p_cell and c.holder_id = any (p_reservation_ids) and c.open_quantity > 0;

  update stock.claim c
  set open_quantity = 0, staged_quantity = 0
  where c.cell_id = p_cell and c.holder_id = any (p_reservation_ids) and c.open_quantity > 0;

  update reservations.reservation r
  set state = p_state, changed_at = p_now, version = r.version + 1
  where r.cell_id = p_cell and r.reservation_id = any (p_reservation_ids);

  v_events := stock.post(p_cell, p_now, 'reservation.' || p_state, null, v_claims);
  perform stock.settle_expiry(p_cell, v_claims);
  v_events := v_events || (
    select array_agg((p_now, 'reservation.' || p_state, 'reservation/' || r.reservation_id,
      r.version, r.client_id,
      reservations.tell_reservation(p_cell, r.reservation_id, p_now))::events.new_event
      order by r.reservation_id)
    from reservations.reservation r
    where r.cell_id = p_cell and r.reservation_id = any (p_reservation_ids)
  );
  perform reservations.count_holds(p_cell, v_events);
  return v_events;
end;
$$;
