-- Purpose: asks for counts: one open task an item and place, whatever asked first. Arrays are parallel;
--   repeats are fine.
create or replace function trust.open_tasks(
  p_cell integer, p_now timestamptz, p_reason text, p_location_ids integer[], p_sku_ids integer[]
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
  insert into stock.count_task (cell_id, location_id, sku_id, reason, opened_at)
  select p_cell, u.location_id, u.sku_id, p_reason, p_now
  from unnest(p_location_ids, p_sku_ids) u (location_id, sku_id)
  group by u.location_id, u.sku_id
  order by u.location_id, u.sku_id
  on conflict (cell_id, location_id, sku_id) where done_at is null do nothing;
end;
$$;
