-- Purpose: what can be promised in each slot of a batch, read after its levels were locked.
-- Returns: v_left (units, 0 where the item was never stocked), v_certain (confidence is enough),
--   both indexed by slot.
create or replace function reservations.read_slots(
  p_cell integer, p_lines reservations.hold_line[], p_now timestamptz,
  out v_left bigint[], out v_certain boolean[]
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
  select
    array_agg(coalesce(stock.available(
      s.sellable,
      s.unpicked - case
        when s.next_expiry_at > p_now then 0
        else (stock.expired_claims(p_cell, s.location_id, s.sku_id, p_now)).unpicked
      end,
      coalesce(s.safety_stock, i.safety_stock, l.safety_stock), d.stale_buffer, s.frozen_reason
    ), 0) order by w.slot),
    array_agg(coalesce(trust.confidence(
      coalesce(s.last_counted_at, s.first_moved_at), s.sellable, d.not_found, d.stale, p_now
    ) >= 0.5, true) order by w.slot)
  into v_left, v_certain
  from (select distinct u.slot, u.location_id, u.sku_id from unnest(p_lines) u) w
  left join lateral (
    select v.*
    from stock.stock_level v
    where v.cell_id = p_cell and v.location_id = w.location_id and v.sku_id = w.sku_id
    limit 1
  ) s on true
  cross join lateral trust.doubt_of(p_cell, w.location_id, w.sku_id, s.not_found_at, p_now) d
  left join catalog.item i on i.sku_id = w.sku_id
  left join locations.location l on l.location_id = w.location_id;
end;
$$;
