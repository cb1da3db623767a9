-- Purpose: an item as the API gives it (contract §2): its barcodes as 14 digits, in their order.
create or replace function catalog.item_body(p_item catalog.item)
returns jsonb
language sql
stable
as $$
  select jsonb_build_object(
    'sku', p_item.sku, 'name', p_item.name,
    'gtins', coalesce((
      select jsonb_agg(b.gtin order by b.gtin)
      from catalog.barcode b where b.sku_id = p_item.sku_id and b.factor = 1
    ), '[]'),
    'category', p_item.category, 'brand', p_item.brand, 'collection', p_item.collection,
    'image_urls', p_item.image_urls, 'price', p_item.price, 'currency', p_item.currency,
    'stock_tracked', p_item.stock_tracked,
    'packs', coalesce((
      select jsonb_agg(jsonb_build_object('gtin', b.gtin, 'factor', b.factor) order by b.gtin)
      from catalog.barcode b where b.sku_id = p_item.sku_id and b.factor > 1
    ), '[]'),
    'unit', p_item.unit, 'scale', p_item.scale, 'safety_stock', p_item.safety_stock
  )
$$;
