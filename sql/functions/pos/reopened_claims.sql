-- Purpose: what a void gives back to the claim of the order that its sale was for: as many units as
--   the sale took and the claim has lost; those that go back to the ready shelf as staged.
create or replace function pos.reopened_claims(
  p_cell integer, p_order_id uuid, p_goods stock.goods_change[]
)
returns stock.claim_change[]
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
  return (
    select array_agg((
      w.location_id, w.sku_id, p_order_id, 'claim', w.units, w.units - least(w.staged, w.units),
      null, w.client_id
    )::stock.claim_change)
    from (
      select
        g.location_id, g.sku_id, g.client_id, g.staged,
        least(g.units, c.quantity - c.open_quantity) as units
      from (
        select
          u.location_id, u.sku_id, max(u.client_id) as client_id, sum(u.quantity) as units,
          coalesce(sum(u.quantity) filter (where u.to_account = 'staged'), 0) as staged
        from unnest(p_goods) u
        where u.from_account = 'customer'
        group by u.location_id, u.sku_id
      ) g
      join stock.claim c
        on c.cell_id = p_cell and c.holder_id = p_order_id and c.location_id = g.location_id
        and c.sku_id = g.sku_id and c.holder_kind = 'order'
    ) w
    where w.units > 0
  );
end;
$$;
