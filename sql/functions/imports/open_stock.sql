-- Purpose: writes the opening stock of levels that never had any (p_openings by line).
create or replace function imports.open_stock(
  p_cell integer, p_lines stock.asked_count[], p_openings bigint[], p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_goods stock.goods_change[];
begin
  select array_agg(
    (
      u.location_id, u.sku_id, 'opening', 'sellable', p_openings[u.command], 'opening', p_now,
      u.document_id, 'import', u.reason, null, u.client_id, null
    )::stock.goods_change
    order by u.command
  )
  into v_goods
  from unnest(p_lines) u
  where p_openings[u.command] is not null;
  if v_goods is null then
    return null;
  end if;
  return stock.post(p_cell, p_now, 'stock.imported', v_goods, null);
end;
$$;
