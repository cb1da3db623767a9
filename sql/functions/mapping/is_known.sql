-- Purpose: whether a line that nobody knew is a known item now, by its SKU or by its code (unless its
--   pack would be more than any line can be; see pos.parse_lines).
create or replace function mapping.is_known(p_code text, p_sku text, p_quantity bigint)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return exists (select 1 from catalog.item i where i.sku = p_sku) or exists (
    select 1
    from catalog.barcode b
    join catalog.item i on i.sku_id = b.sku_id
    where b.gtin = p_code and b.factor::numeric * i.scale * abs(p_quantity) <= 1000000000000
  );
end;
$$;
