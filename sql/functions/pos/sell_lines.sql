-- Purpose: what was sold: the sale lines that returns will name, and the goods that left (those of
--   orders are serve_orders'). A till's
--   sale is a fact, so nothing guards it: sellable may go below zero (domain §1.4).
create or replace function pos.sell_lines(p_cell integer, p_lines pos.asked_line[])
returns stock.goods_change[]
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into sales.sale_line (
    cell_id, document_id, line, location_id, sku_id, quantity, unit_price, paid, currency, channel,
    customer, sold_at
  )
  select
    p_cell, l.receipt_id, l.line, l.location_id, l.sku_id, l.quantity, l.unit_price, l.paid,
    l.currency, l.channel, l.customer, l.occurred_at
  from unnest(p_lines) l
  where l.sku_id is not null and l.quantity > 0;

  return (
    select array_agg((
      l.location_id, l.sku_id, 'sellable', 'customer', l.quantity, 'sale', l.occurred_at,
      l.receipt_id, 'pos', null, l.reference, l.client_id, null
    )::stock.goods_change)
    from unnest(p_lines) l
    where l.tracked and l.quantity > 0 and l.order_id is null
  );
end;
$$;
