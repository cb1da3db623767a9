-- Purpose: second half of stock.post: moves each level by the sums of its new entries and builds
--   its stock.changed event. A level whose book goes below zero is frozen until a count thaws it.
create or replace function stock.move_levels(
  p_cell integer, p_now timestamptz, p_cause text,
  p_goods stock.goods_change[], p_claims stock.claim_change[]
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
    set
      sellable = s.sellable + d.sellable, staged = s.staged + d.staged,
      quarantine = s.quarantine + d.quarantine, damaged = s.damaged + d.damaged,
      display = s.display + d.display, missing = s.missing + d.missing,
      reserved = s.reserved + d.reserved, unpicked = s.unpicked + d.unpicked,
      version = s.version + d.entries, change_count = s.change_count + 1,
      next_expiry_at = least(s.next_expiry_at, d.expires_at),
      frozen_reason = case
        when s.sellable + d.sellable < 0 and d.sellable < 0
          then coalesce(s.frozen_reason, 'negative_stock')
        else s.frozen_reason
      end,
      first_moved_at = least(s.first_moved_at, d.moved_at), changed_at = p_now
    from stock.sum_changes(p_cell, p_goods, p_claims) d
    where s.cell_id = d.cell_id and s.location_id = d.location_id and s.sku_id = d.sku_id
    returning s.*, d.client_id, d.sellable as d_sellable, d.reserved as d_reserved,
      d.unpicked as d_unpicked, d.entries
  )
  select array_agg(
    (p_now, 'stock.changed', 'stock/' || l.location || '/' || i.sku, m.change_count, m.client_id,
      stock.changed_data(l.location, i.sku, p_cause, m.version, m.sellable, m.staged, m.quarantine,
        m.damaged, m.display, m.missing, m.reserved, m.unpicked, m.frozen_reason,
        m.d_sellable::bigint, m.d_reserved::bigint, m.d_unpicked::bigint)
    )::events.new_event order by m.location_id, m.sku_id
  )
  into v_events
  from moved m
  join locations.location l on l.location_id = m.location_id
  join catalog.item i on i.sku_id = m.sku_id;
  return v_events;
end;
$$;
