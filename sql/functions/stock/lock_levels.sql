-- Purpose: locks the levels of a batch, in (location, sku) order, after making those that are missing
--   and that the batch may be the first to speak of (p_open). What is refused after all may leave a
--   level with version 0, which reads as never stocked. Arrays are parallel; repeats are fine; without
--   p_open none is made.
create or replace function stock.lock_levels(
  p_cell integer, p_now timestamptz, p_location_ids integer[], p_sku_ids integer[],
  p_open boolean[]
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
  if p_open is not null then
    -- one look-up by key a level, in order, whatever the planner believes of a fresh table
    insert into stock.stock_level (cell_id, location_id, sku_id, changed_at)
    select p_cell, w.location_id, w.sku_id, p_now
    from (
      select distinct u.location_id, u.sku_id
      from unnest(p_location_ids, p_sku_ids, p_open) u (location_id, sku_id, open)
      where u.open
    ) w
    left join lateral (
      select true as there
      from stock.stock_level s
      where s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id
      limit 1
    ) k on true
    where k.there is null
    order by w.location_id, w.sku_id
    on conflict on constraint stock_level_pkey do nothing;
  end if;

  perform 1
  from (
    select distinct u.location_id, u.sku_id
    from unnest(p_location_ids, p_sku_ids) u (location_id, sku_id)
    order by u.location_id, u.sku_id
    offset 0
  ) w
  cross join lateral (
    select s.version
    from stock.stock_level s
    where s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id
    order by s.location_id, s.sku_id
    for update
  ) l;
end;
$$;
