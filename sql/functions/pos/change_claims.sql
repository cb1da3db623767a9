-- Purpose: moves orders' claims by their changes: what a receipt uses up, or a void gives back.
create or replace function pos.change_claims(p_cell integer, p_claims stock.claim_change[])
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
  update stock.claim c
  set
    open_quantity = c.open_quantity + w.units,
    staged_quantity = c.staged_quantity + w.units - w.unpicked
  from (
    select
      p_cell as cell_id, u.holder_id, u.location_id, u.sku_id, sum(u.reserved_change) as units,
      sum(u.unpicked_change) as unpicked
    from unnest(p_claims) u
    group by u.holder_id, u.location_id, u.sku_id
  ) w
  where c.cell_id = w.cell_id and c.holder_id = w.holder_id and c.location_id = w.location_id
    and c.sku_id = w.sku_id;
end;
$$;
