-- Purpose: what can be promised of one item at one place; no row where it was never stocked.
create or replace function availability.level_of(
  p_cell integer, p_location_id integer, p_sku_id integer, p_safety bigint, p_now timestamptz
)
returns table (
  available bigint, unclaimed bigint, display bigint, frozen_reason text,
  confidence double precision, uncertain boolean, changed_at timestamptz
)
language sql
stable
security definer
set search_path = ''
rows 1
as $$
  select
    stock.available(s.sellable, u.unpicked, coalesce(s.safety_stock, p_safety), d.stale_buffer,
      s.frozen_reason),
    s.sellable - u.unpicked, s.display, s.frozen_reason,
    trust.confidence(coalesce(s.last_counted_at, s.first_moved_at), s.sellable, d.not_found,
      d.stale, p_now),
    d.uncertain, s.changed_at
  from stock.stock_level s
  cross join lateral (
    select s.unpicked - case
      when s.next_expiry_at > p_now then 0
      else (stock.expired_claims(p_cell, s.location_id, s.sku_id, p_now)).unpicked
    end as unpicked
  ) u
  cross join lateral trust.doubt_of(p_cell, p_location_id, p_sku_id, s.not_found_at, p_now) d
  where s.cell_id = p_cell and s.location_id = p_location_id and s.sku_id = p_sku_id
$$;
