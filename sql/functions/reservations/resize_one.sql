-- Purpose: one resize, on locked rows: decides, and writes the difference.
create or replace function reservations.resize_one(
  p_cell integer, p_reservation_id uuid, p_client_id integer, p_command jsonb, p_now timestamptz,
  out p_outcome jsonb, out p_events events.new_event[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_told jsonb := reservations.tell_reservation(p_cell, p_reservation_id, p_now);
  v_lines reservations.hold_line[];
  v_changes stock.claim_change[];
  v_short jsonb;
begin
  if v_told is null then
    p_outcome := '{"code": "not_found"}';
    return;
  elsif v_told ->> 'state' <> 'held' or p_command #>> '{0,lines,0,location}' is null then
    p_outcome := jsonb_build_object('reservation', v_told, 'code', case v_told ->> 'state'
      when 'expired' then 'reservation_expired' else 'wrong_state' end);
    return;
  end if;
  v_lines := reservations.parse_holds(p_cell, p_command);

  select jsonb_agg(d.short order by d.line) filter (where d.short is not null)
  into v_short
  from reservations.resize_shortfalls(p_cell, p_reservation_id, v_lines, p_now) d;
  if v_short is not null then
    p_outcome := jsonb_build_object('code', v_short #>> '{0,code}', 'short', v_short);
    return;
  end if;

  select array_agg((w.location_id, w.sku_id, p_reservation_id,
    case when w.change > 0 then 'claim' else 'release' end, w.change, w.change,
    (v_told ->> 'expires_at')::timestamptz, p_client_id)::stock.claim_change
    order by w.location_id, w.sku_id)
  into v_changes
  from (
    select
      coalesce(n.location_id, c.location_id) as location_id,
      coalesce(n.sku_id, c.sku_id) as sku_id,
      case when n.problem is null then coalesce(n.quantity, 0) else 0 end
      - coalesce(c.open_quantity, 0) as change
    from unnest(v_lines) n
    full join (
      select k.location_id, k.sku_id, k.open_quantity
      from stock.claim k
      where k.cell_id = p_cell and k.holder_id = p_reservation_id
    ) c on c.location_id = n.location_id and c.sku_id = n.sku_id
  ) w
  where w.change <> 0;

  perform reservations.write_lines(p_cell, p_reservation_id, v_lines,
    (v_told ->> 'expires_at')::timestamptz);
  p_events := stock.post(p_cell, p_now, 'reservation.resized', null, v_changes);
  update reservations.reservation r
  set version = r.version + 1, changed_at = p_now
  where r.cell_id = p_cell and r.reservation_id = p_reservation_id;
  v_told := reservations.tell_reservation(p_cell, p_reservation_id, p_now);
  p_events := p_events || (
    select (p_now, 'reservation.resized', 'reservation/' || p_reservation_id, r.version,
      r.client_id, v_told)::events.new_event
    from reservations.reservation r
    where r.cell_id = p_cell and r.reservation_id = p_reservation_id
  );
  p_outcome := jsonb_build_object('code', 'resized', 'reservation', v_told);
end;
$$;
