-- Purpose: holds goods at the chosen place for a while; all lines or none (R59).
-- Takes: commands of reservations.commands.PlaceHold, in arrival order.
-- Lock order: stock levels by (location, sku), then the client's counter, then the cell's state.
-- Outcomes: placed · insufficient_stock · uncertain_stock · location_closed · unknown_location ·
--   unknown_sku · too_many_open_holds (not remembered) · idempotency_key_reused. `replayed` is set
--   on an outcome that was decided before.
-- Events: reservation.placed, stock.changed.
create or replace function reservations.place_hold(
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
  v_lines reservations.hold_line[];
  v_left bigint[];
  v_certain boolean[];
  v_outcomes jsonb[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  v_lines := reservations.parse_holds(p_cell, p_commands);

  perform stock.lock_levels(p_cell, v_now, array_agg(u.location_id), array_agg(u.sku_id), null)
  from unnest(v_lines) u;

  select l.v_left, l.v_certain into v_left, v_certain
  from reservations.read_slots(p_cell, v_lines, v_now) l;

  v_outcomes := reservations.decide_holds(
    p_cell, p_commands, v_lines, v_left, v_certain,
    web.seen_outcomes(p_cell, p_commands), v_now
  );
  perform reservations.write_holds(p_cell, p_commands, v_lines, v_outcomes, v_now);
  return to_jsonb(v_outcomes);
end;
$$;
