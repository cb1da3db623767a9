-- Purpose: what can be promised of one item at one place; no row where it was never stocked.
create or replace function availability.level_of(
  p_cell integer, p_location_id integer, p_sku_id integer, p_safety bigint, p_now timestamptz
)
returns table (
  available bigint, unclaimed bigint, display bigint, frozen_reason text,
  confidence double precision, changed_at timestamptz
)
language sql
stable
security definer
set search_path = ''
rows 1
as $$
  select
    stock.available(s.sellable, u.unpicked, coalesce(s.safety_stock, p_safety), 0,
      s.frozen_reason),
    s.sellable - u.unpicked, s.display, s.frozen_reason,
    stock.confidence(coalesce(s.last_counted_at, s.first_moved_at), s.sellable, 0, false, p_now),
    s.changed_at
  from stock.stock_level s
  cross join lateral (
    select s.unpicked - case
      when s.next_expiry_at > p_now then 0
      else (stock.expired_claims(p_cell, s.location_id, s.sku_id, p_now)).unpicked
    end as unpicked
  ) u
  where s.cell_id = p_cell and s.location_id = p_location_id and s.sku_id = p_sku_id
$$;
