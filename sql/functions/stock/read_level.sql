-- Purpose: the balance of one item at one place, and what can be promised of it, at this moment:
--   holds whose time is over are taken off at once (contract §12, Expiry). Reads, one-line counts
--   and the explanation share it, so that they cannot differ.
-- Returns: one row; zeros with version 0 where the item was never stocked; none where the place
--   (in this cell) or the item is unknown.
create or replace function stock.read_level(
  p_cell integer, p_location text, p_sku text, p_now timestamptz
)
returns table (
  location text, sku text, location_id integer, sku_id integer, sellable bigint, staged bigint,
  quarantine bigint, damaged bigint, display bigint, missing bigint, on_hand bigint,
  reserved bigint, unpicked bigint, safety_stock bigint, safety_source text, stale_buffer bigint,
  available bigint, frozen_reason text, confidence double precision, verified_at timestamptz,
  last_counted_at timestamptz, version bigint, change_count bigint, changed_at timestamptz
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
  return query
  select
    l.location, i.sku, l.location_id, i.sku_id, r.sellable, r.staged, r.quarantine, r.damaged,
    r.display, r.missing, r.sellable + r.staged + r.quarantine + r.damaged + r.display,
    r.reserved, r.unpicked, r.safety_stock,
    case
      when s.safety_stock is not null then 'place_and_item'
      when i.safety_stock is not null then 'item'
      else 'location'
    end,
    d.stale_buffer,
    stock.available(r.sellable, r.unpicked, r.safety_stock, d.stale_buffer, s.frozen_reason),
    s.frozen_reason, trust.confidence(r.verified_at, r.sellable, d.not_found, d.stale, p_now),
    r.verified_at, s.last_counted_at, coalesce(s.version, 0), coalesce(s.change_count, 0),
    case when s.version > 0 then s.changed_at end
  from locations.location l
  join catalog.item i on i.sku = p_sku
  left join stock.stock_level s
    on s.cell_id = p_cell and s.location_id = l.location_id and s.sku_id = i.sku_id
  cross join lateral trust.doubt_of(p_cell, l.location_id, i.sku_id, s.not_found_at, p_now) d
  cross join lateral (
    select
      coalesce(s.sellable, 0) as sellable, coalesce(s.staged, 0) as staged,
      coalesce(s.quarantine, 0) as quarantine, coalesce(s.damaged, 0) as damaged,
      coalesce(s.display, 0) as display, coalesce(s.missing, 0) as missing,
      coalesce(s.reserved, 0) - case
        when s.next_expiry_at <= p_now
          then (stock.expired_claims(p_cell, s.location_id, s.sku_id, p_now)).reserved
        else 0
      end as reserved,
      coalesce(s.unpicked, 0) - case
        when s.next_expiry_at <= p_now
          then (stock.expired_claims(p_cell, s.location_id, s.sku_id, p_now)).unpicked
        else 0
      end as unpicked,
      coalesce(s.safety_stock, i.safety_stock, l.safety_stock) as safety_stock,
      coalesce(s.last_counted_at, s.first_moved_at) as verified_at
  ) r
  where l.cell_id = p_cell and l.location = p_location;
end;
$$;
