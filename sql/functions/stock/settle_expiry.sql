-- Purpose: sets next_expiry_at of levels anew from the claims that are still open. It is a lower
--   bound, so only where it has passed or the level holds nothing any more does it need care.
create or replace function stock.settle_expiry(p_cell integer, p_claims stock.claim_change[])
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
  update stock.stock_level s
  set next_expiry_at = coalesce((
    select min(c.expires_at)
    from stock.claim c
    where c.cell_id = p_cell and c.location_id = s.location_id and c.sku_id = s.sku_id
      and c.open_quantity > 0
  ), 'infinity')
  from (select distinct u.location_id, u.sku_id from unnest(p_claims) u) w
  where s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id;
end;
$$;
