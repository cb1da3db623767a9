-- Purpose: makes an item's barcodes exactly those given ([{gtin, factor}]); one left out is free.
-- Returns: whether anything changed.
create or replace function catalog.write_barcodes(p_sku_id integer, p_codes jsonb)
returns boolean
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_removed bigint;
  v_changed bigint;
  v_added bigint;
begin
  delete from catalog.barcode b
  where b.sku_id = p_sku_id and b.gtin not in (
    select x.gtin from jsonb_to_recordset(p_codes) as x (gtin text)
  );
  get diagnostics v_removed = row_count;
  update catalog.barcode b
  set factor = x.factor
  from jsonb_to_recordset(p_codes) as x (gtin text, factor integer)
  where b.gtin = x.gtin and b.sku_id = p_sku_id and b.factor <> x.factor;
  get diagnostics v_changed = row_count;
  insert into catalog.barcode (gtin, sku_id, factor)
  select x.gtin, p_sku_id, x.factor
  from jsonb_to_recordset(p_codes) as x (gtin text, factor integer)
  where not exists (
    select 1 from catalog.barcode b where b.gtin = x.gtin and b.sku_id = p_sku_id
  )
  order by x.gtin;
  get diagnostics v_added = row_count;
  return v_removed + v_changed + v_added > 0;
end;
$$;
