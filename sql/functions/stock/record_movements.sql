-- Purpose: goods that came in, went out or changed condition; every entry is decided by itself, in
--   order, against what is there (R19, I1, I16). Only a till may take sellable below zero (§1.4).
-- Takes: commands of stock.commands.RecordMovements.
-- Lock order: stock levels by (location, sku), then the cell's state.
-- Outcomes: recorded (with one result an entry: posted · duplicate · refused) ·
--   idempotency_key_reused. Codes of refused entries: unknown_location · unknown_sku ·
--   not_stock_tracked · in_the_future · not_enough_there, and what Python refused before.
-- Events: stock.changed.
create or replace function stock.record_movements(
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
  v_entries stock.asked_movement[];
  v_seen jsonb[];
  v_results jsonb[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  v_entries := stock.parse_movements(p_cell, p_commands, v_now);
  -- what comes from outside may be the first of its kind here
  perform stock.lock_levels(
    p_cell, v_now, array_agg(u.location_id), array_agg(u.sku_id), array_agg(u.from_slot is null)
  )
  from unnest(v_entries) u
  where u.problem is null;

  v_seen := web.seen_outcomes(p_cell, p_commands);
  select stock.decide_movements(v_entries, a.v_left, a.v_known, v_seen)
  into v_results
  from stock.read_accounts(p_cell, v_entries) a;

  return to_jsonb(
    stock.write_movements(p_cell, p_commands, v_entries, v_results, v_seen, v_now)
  );
end;
$$;
