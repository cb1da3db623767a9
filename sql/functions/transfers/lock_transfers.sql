-- Purpose: first step of every change of transfers: locks them by id, then the stock levels of all
--   their lines at both ends by (location, sku). With p_open the receiver's levels are made where
--   they are missing.
create or replace function transfers.lock_transfers(
  p_cell integer, p_transfer_ids uuid[], p_open boolean, p_now timestamptz
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
begin
  perform 1
  from transfers.transfer t
  where t.cell_id = p_cell and t.transfer_id = any (p_transfer_ids)
  order by t.transfer_id
  for update of t;

  perform stock.lock_levels(
    p_cell, p_now, array_agg(e.location_id), array_agg(n.sku_id), array_agg(e.open and p_open)
  )
  from transfers.transfer t
  join transfers.transfer_line n on n.cell_id = p_cell and n.transfer_id = t.transfer_id
  cross join lateral (
    values (t.from_location_id, false), (t.to_location_id, true)
  ) e (location_id, open)
  where t.cell_id = p_cell and t.transfer_id = any (p_transfer_ids);
end;
$$;
