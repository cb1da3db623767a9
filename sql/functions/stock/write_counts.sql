-- Purpose: last step of count_level: the variance goes to or comes from shrink, what was missing is
--   written off (a found unit shows up as variance, domain §2.5), the level is thawed.
create or replace function stock.write_counts(
  p_cell integer, p_counts stock.asked_count[], p_variance bigint[], p_now timestamptz
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
  v_goods stock.goods_change[];
  v_still record;
begin
  with counted as (
    select u.*, p_variance[u.command] as variance
    from unnest(p_counts) u
    where p_variance[u.command] is not null
  ), entry as (
    select c.command, 1 as part, c.location_id, c.sku_id, c.variance as quantity,
      case when c.variance > 0 then 'shrink' else 'sellable' end as from_account,
      case when c.variance > 0 then 'sellable' else 'shrink' end as to_account, 'count' as kind,
      c.document_id, c.reason, c.client_id
    from counted c
    union all
    select f.command, 2, f.location_id, f.sku_id, s.missing, 'missing', 'shrink', 'written_off',
      f.document_id, f.reason, f.client_id
    from (select distinct on (c.slot) c.* from counted c order by c.slot, c.command) f
    join stock.stock_level s
      on s.cell_id = p_cell and s.location_id = f.location_id and s.sku_id = f.sku_id
  )
  select array_agg((e.location_id, e.sku_id, e.from_account, e.to_account, abs(e.quantity), e.kind,
    p_now, e.document_id, 'count', e.reason, null, e.client_id, null)::stock.goods_change
    order by e.command, e.part)
  into v_goods
  from entry e
  where e.quantity <> 0;

  update stock.stock_level s
  set last_counted_at = p_now, frozen_reason = null
  from (
    select distinct u.location_id, u.sku_id
    from unnest(p_counts) u
    where p_variance[u.command] is not null
  ) d
  where s.cell_id = p_cell and s.location_id = d.location_id and s.sku_id = d.sku_id;

  select array_agg(w.location_id) as locations, array_agg(w.sku_id) as skus,
    array_agg(w.client_id) as clients
  into v_still
  from (
    select distinct on (u.slot) u.location_id, u.sku_id, u.client_id
    from unnest(p_counts) u
    where p_variance[u.command] is not null and not exists (
      select 1
      from unnest(v_goods) g
      where g.location_id = u.location_id and g.sku_id = u.sku_id
    )
    order by u.slot, u.command desc
  ) w;
  return stock.post(p_cell, p_now, 'stock.counted', v_goods, null) || stock.touch_levels(
    p_cell, p_now, 'stock.counted', v_still.locations, v_still.skus, v_still.clients
  );
end;
$$;
