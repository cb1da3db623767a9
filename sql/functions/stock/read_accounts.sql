-- Purpose: what a batch of movements is decided against, read after its levels were locked.
-- Returns: v_left (four balances for each slot: sellable, damaged, quarantine, display), v_known (by key slot: the movement that used
--   the source key before).
create or replace function stock.read_accounts(
  p_cell integer, p_entries stock.asked_movement[], out v_left bigint[], out v_known uuid[]
)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  select array_agg(coalesce(a.balance, 0) order by w.slot, a.ordinality)
  into v_left
  from (select distinct u.slot, u.location_id, u.sku_id from unnest(p_entries) u) w
  left join lateral (
    select x.sellable, x.damaged, x.quarantine, x.display
    from stock.stock_level x
    where x.cell_id = p_cell and x.location_id = w.location_id and x.sku_id = w.sku_id
    limit 1
  ) s on true
  cross join unnest(
    array[s.sellable, s.damaged, s.quarantine, s.display]
  ) with ordinality a (balance, ordinality);

  select array_agg(k.movement_id order by w.key_slot)
  into v_known
  from (select distinct u.key_slot, u.client_id, u.source_key from unnest(p_entries) u) w
  left join lateral (
    select x.movement_id
    from stock.source_key x
    where x.cell_id = p_cell and x.client_id = w.client_id and x.source_key = w.source_key
    limit 1
  ) k on true;
end;
$$;
