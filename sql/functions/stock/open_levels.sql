-- Purpose: makes the missing levels of entries that bring goods in from outside, in lock order, so
--   that they can be locked. An entry that is refused after all may leave a level with version 0,
--   which reads as never stocked.
create or replace function stock.open_levels(
  p_cell integer, p_entries stock.asked_movement[], p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  insert into stock.stock_level (cell_id, location_id, sku_id, changed_at)
  select p_cell, w.location_id, w.sku_id, p_now
  from (
    select distinct u.location_id, u.sku_id
    from unnest(p_entries) u
    where u.problem is null and stock.account_slot(1, u.from_account) is null
  ) w
  where not exists (
    select 1
    from stock.stock_level s
    where s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id
  )
  order by w.location_id, w.sku_id
  on conflict on constraint stock_level_pkey do nothing;
end;
$$;
