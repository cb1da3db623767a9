-- Purpose: one command of put_item: makes, changes or leaves the item.
-- A barcode that another item has refuses the whole command before anything is written; one that
--   another process takes in between breaks the batch (unique violation), and the lane asks again.
create or replace function catalog.write_item(p_command jsonb, p_now timestamptz)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_before catalog.item;
  v_after catalog.item;
  v_expected bigint := (p_command ->> 'expected_version')::bigint;
  v_taken record;
  v_recoded boolean;
begin
  select * into v_before from catalog.item i where i.sku = p_command ->> 'sku' for update;
  if v_expected is not null and v_expected <> coalesce(v_before.version, 0) then
    return '{"code": "precondition_failed"}'::jsonb;
  end if;
  select b.gtin, i.sku into v_taken
  from jsonb_to_recordset(p_command -> 'codes') as x (gtin text)
  join catalog.barcode b on b.gtin = x.gtin
  join catalog.item i on i.sku_id = b.sku_id
  where b.sku_id is distinct from v_before.sku_id
  order by b.gtin
  limit 1;
  if v_taken.gtin is not null then
    return jsonb_build_object('code', 'gtin_taken', 'gtin', v_taken.gtin, 'sku', v_taken.sku);
  end if;
  if v_before.sku_id is null then
    v_after := catalog.make_item(p_command, p_now);
    perform catalog.write_barcodes(v_after.sku_id, p_command -> 'codes');
    return '{"code": "created", "version": 1}'::jsonb;
  end if;
  v_after := jsonb_populate_record(v_before, p_command);
  v_recoded := catalog.write_barcodes(v_before.sku_id, p_command -> 'codes');
  if not v_recoded and v_after is not distinct from v_before then
    return jsonb_build_object('code', 'unchanged', 'version', v_before.version);
  end if;
  update catalog.item i
  set
    name = v_after.name, category = v_after.category, brand = v_after.brand,
    collection = v_after.collection, image_urls = v_after.image_urls, price = v_after.price,
    currency = v_after.currency, stock_tracked = v_after.stock_tracked, unit = v_after.unit,
    scale = v_after.scale, safety_stock = v_after.safety_stock, version = v_before.version + 1,
    changed_at = p_now
  where i.sku_id = v_before.sku_id;
  return jsonb_build_object('code', 'updated', 'version', v_before.version + 1);
end;
$$;
