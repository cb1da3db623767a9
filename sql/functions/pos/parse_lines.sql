-- Purpose: the lines of the receipts that are to be posted, each with its item. A pack's barcode
--   stands for `factor` sales units, a single one for what the line says in base units. A barcode
--   or SKU that nobody knows leaves sku_id null; so does a pack of more than 10^12 base units. A
--   line with a `measure` (POSLog) says as a decimal how many sales units or packs it is: where that
--   is no whole number of base units, sku_id and quantity are null.
-- Takes: receipts as parse_receipts gives them; `codes` are the lines' barcodes with 14 digits.
create or replace function pos.parse_lines(p_receipts pos.asked_receipt[])
returns pos.asked_line[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select array_agg((
      r.command, x.line, r.receipt_id, r.location_id,
      case when q.units is not null then i.sku_id end,
      i.stock_tracked and q.units is not null, q.units,
      abs(q.units) >= r.review_quantity * coalesce(i.scale, 1),
      x.gtin, x.sku, x.unit_price, x.paid, x.sale, x.resaleable, r.occurred_at, r.client_id,
      r.terminal || '/' || r.sequence, r.body ->> 'currency', r.channel, r.body ->> 'customer',
      case when r.body ->> 'order' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        (r.body ->> 'order')::uuid
      end
    )::pos.asked_line order by r.command, x.ordinality)
    from unnest(p_receipts) r
    cross join lateral rows from (
      jsonb_to_recordset(r.body -> 'lines') as (
        line integer, sku text, gtin text, quantity bigint, unit_price bigint, paid bigint,
        sale jsonb, resaleable boolean, measure numeric
      ),
      jsonb_array_elements_text(r.codes)
    ) with ordinality x (
      line, sku, gtin, quantity, unit_price, paid, sale, resaleable, measure, code, ordinality
    )
    left join lateral (
      select
        k.sku_id, k.stock_tracked, k.scale, 1::bigint as units, k.scale::bigint as measured_units
      from catalog.item k
      where k.sku = x.sku and (x.measure is null or abs(x.measure) * k.scale <= 1000000000000)
      union all
      select k.sku_id, k.stock_tracked, k.scale, case
        when g.factor = 1 then 1
        else g.factor::bigint * k.scale
      end, g.factor::bigint * k.scale
      from catalog.barcode g
      join catalog.item k on k.sku_id = g.sku_id
      where g.gtin = x.code
        and g.factor::numeric * k.scale * abs(coalesce(x.measure, x.quantity)) <= 1000000000000
      limit 1
    ) i on true
    cross join lateral (
      select case
        -- 0 is no whole number of base units either (`base_measure`)
        when x.measure is null then nullif(x.quantity, 0) * coalesce(i.units, 1)
        when x.measure * coalesce(i.measured_units, 1) % 1 = 0 then
          (x.measure * coalesce(i.measured_units, 1))::bigint
      end as units
    ) q
    where r.code = 'posted'
  );
end;
$$;
