-- Purpose: how many units of an item a place has in quarantine, once what is on its way is posted.
create or replace function pos.in_quarantine(
  p_cell integer, p_location_id integer, p_sku_id integer, p_pending stock.goods_change[]
)
returns bigint
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  return (
    select s.quarantine
    from stock.stock_level s
    where s.cell_id = p_cell and s.location_id = p_location_id and s.sku_id = p_sku_id
  ) + (
    select coalesce(sum(stock.account_change(g::stock.goods_change, 'quarantine')), 0)::bigint
    from unnest(p_pending) g
    where g.location_id = p_location_id and g.sku_id = p_sku_id
  );
end;
$$;
