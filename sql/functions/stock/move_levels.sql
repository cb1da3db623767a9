-- Purpose: second half of stock.post: moves each level by the sums of its new entries and builds
--   its stock.changed event. A level whose book goes below zero, or of which goods were not found
--   where they should be, is frozen until a count thaws it (domain §1.4); a moment before the last
--   count freezes nothing. What follows from trouble is trust.note_trouble's.
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
  v_troubles trust.trouble[];
begin
  with moved as (
    update stock.stock_level s
    set
      sellable = s.sellable + d.sellable, staged = s.staged + d.staged,
      quarantine = s.quarantine + d.quarantine, damaged = s.damaged + d.damaged,
      display = s.display + d.display, missing = s.missing + d.missing,
      reserved = s.reserved + d.reserved, unpicked = s.unpicked + d.unpicked,
      version = s.version + d.entries,
      change_count = s.change_count
      + case when s.sellable >= 0 and s.sellable + d.sellable < 0 then 2 else 1 end,
      next_expiry_at = least(s.next_expiry_at, d.expires_at),
      frozen_reason = case
        when s.frozen_reason is not null then s.frozen_reason
        when s.sellable + d.sellable < 0 and d.sellable < 0 then 'negative_stock'
        when coalesce(s.last_counted_at, '-infinity') < any (d.not_found_at) then 'not_found'
      end,
      not_found_at = case when d.not_found_at is null then s.not_found_at else array(
        select u.at
        from unnest(s.not_found_at || d.not_found_at) u (at)
        where u.at > p_now - interval '30 days'
        order by u.at
      ) end,
      first_moved_at = least(s.first_moved_at, d.moved_at),
      last_moved_at = greatest(s.last_moved_at, d.last_moved_at),
      moved_ahead = greatest(s.moved_ahead, d.last_moved_at - p_now), changed_at = p_now
    from stock.sum_changes(p_cell, p_goods, p_claims) d
    where s.cell_id = d.cell_id and s.location_id = d.location_id and s.sku_id = d.sku_id
    returning s.*, d.client_id, d.sellable::bigint as d_sellable,
      d.reserved::bigint as d_reserved, d.unpicked::bigint as d_unpicked,
      s.sellable < 0 and s.sellable - d.sellable >= 0 as fell,
      s.sellable < s.unpicked or s.sellable - d.sellable < s.unpicked - d.unpicked
      or d.not_found_at is not null or (s.sellable < 0 and s.sellable - d.sellable >= 0)
      as in_trouble
  )
  select array_agg(
    (p_now, 'stock.changed', 'stock/' || l.location || '/' || i.sku, m.change_count, m.client_id,
      stock.changed_data(l.location, i.sku, p_cause, m.version, m.sellable, m.staged, m.quarantine,
        m.damaged, m.display, m.missing, m.reserved, m.unpicked, m.frozen_reason,
        m.d_sellable, m.d_reserved, m.d_unpicked)
    )::events.new_event order by m.location_id, m.sku_id
  ), array_agg((m.location_id, m.sku_id, m.fell, m.client_id)::trust.trouble)
  filter (where m.in_trouble)
  into v_events, v_troubles
  from moved m
  join locations.location l on l.location_id = m.location_id
  join catalog.item i on i.sku_id = m.sku_id;
  if v_troubles is not null then
    v_events := trust.note_trouble(p_cell, p_now, p_cause, v_troubles) || v_events;
  end if;
  return v_events;
end;
$$;
