-- Purpose: tells of a change that moved no goods (a count that found the book right, another safety
--   stock): numbers it by the level's version, without a ledger entry, and hands back one
--   stock.changed event for each level. Levels are given by parallel arrays, each once.
-- The caller has locked the levels and passes the events on to events.write_events.
create or replace function stock.touch_levels(
  p_cell integer, p_now timestamptz, p_cause text, p_location_ids integer[], p_sku_ids integer[],
  p_client_ids integer[]
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
  v_events events.new_event[];
begin
  with moved as (
    update stock.stock_level s
    set version = s.version + 1, change_count = s.change_count + 1, changed_at = p_now
    from unnest(p_location_ids, p_sku_ids, p_client_ids) d (location_id, sku_id, client_id)
    where s.cell_id = p_cell and s.location_id = d.location_id and s.sku_id = d.sku_id
    returning s.*, d.client_id
  )
  select array_agg(
    (p_now, 'stock.changed', 'stock/' || l.location || '/' || i.sku, m.change_count, m.client_id,
      stock.changed_data(l.location, i.sku, p_cause, m.version, m.sellable, m.staged, m.quarantine,
        m.damaged, m.display, m.missing, m.reserved, m.unpicked, m.frozen_reason, 0, 0, 0)
    )::events.new_event order by m.location_id, m.sku_id
  )
  into v_events
  from moved m
  join locations.location l on l.location_id = m.location_id
  join catalog.item i on i.sku_id = m.sku_id;
  return v_events;
end;
$$;
