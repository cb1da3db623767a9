-- Purpose: the row of a new item. A twin in another process breaks the batch (unique violation),
--   and the lane asks again.
create or replace function catalog.make_item(p_command jsonb, p_now timestamptz)
returns catalog.item
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_new catalog.item := jsonb_populate_record(null::catalog.item, p_command);
  v_made catalog.item;
begin
  insert into catalog.item (
    sku, name, category, brand, collection, image_urls, price, currency, stock_tracked, unit, scale,
    safety_stock, changed_at
  )
  values (
    v_new.sku, v_new.name, v_new.category, v_new.brand, v_new.collection, v_new.image_urls,
    v_new.price, v_new.currency, v_new.stock_tracked, v_new.unit, v_new.scale, v_new.safety_stock,
    p_now
  )
  returning * into v_made;
  return v_made;
end;
$$;
