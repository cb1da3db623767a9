-- Purpose: lines that a till sold for an order: staged units first, else from the shelf, and the
--   order's claim is used up (domain §1.2). Lines of one order and item share its claim in order.
--   An order without a claim here, or whose claim is used up, is sold from the shelf like any line.
create or replace function pos.serve_orders(
  p_cell integer, p_lines pos.asked_line[],
  out goods stock.goods_change[], out claims stock.claim_change[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  with asked as (
    select
      l.*, coalesce(c.open_quantity, 0) as open_units, coalesce(c.staged_quantity, 0) as staged_units,
      coalesce(sum(l.quantity) over (
        partition by l.order_id, l.location_id, l.sku_id order by l.command, l.line
        rows between unbounded preceding and 1 preceding
      ), 0) as units_before
    from unnest(p_lines) l
    left join lateral (
      select k.open_quantity, k.staged_quantity
      from stock.claim k
      where k.cell_id = p_cell and k.holder_id = l.order_id and k.location_id = l.location_id
        and k.sku_id = l.sku_id and k.holder_kind = 'order'
      limit 1
    ) c on true
    where l.order_id is not null and l.tracked and l.quantity > 0
  ), taken as (
    select
      a.*, greatest(0, least(a.quantity, a.staged_units - a.units_before)) as from_staged,
      greatest(0, least(a.quantity, a.open_units - a.units_before)) as used
    from asked a
  )
  select
    (
      select array_agg((t.location_id, t.sku_id, p.account, 'customer', p.units, 'sale',
        t.occurred_at, t.receipt_id, 'pos', null, t.reference, t.client_id, null
      )::stock.goods_change)
      from taken t
      cross join lateral (
        values ('staged', t.from_staged), ('sellable', t.quantity - t.from_staged)
      ) p (account, units)
      where p.units > 0
    ),
    (
      select array_agg((t.location_id, t.sku_id, t.order_id, 'consume', -t.used,
        t.from_staged - t.used, null, t.client_id
      )::stock.claim_change)
      from taken t
      where t.used > 0
    )
  into goods, claims;
  perform pos.change_claims(p_cell, claims);
end;
$$;
