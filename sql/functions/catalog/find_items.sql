-- Purpose: items by SKU, from after the one given, with all words (beginnings of words) in name or
--   SKU, or with this very SKU or barcode; of a category (null: any).
-- Takes: p_words as text for to_tsquery (catalog.rules.search_words).
-- A word that many items have is found by walking the next ones in order: the first page would
--   otherwise sort every item that has it (over a second for 500,000; 5 ms so). A rare one by the words' index.
create or replace function catalog.find_items(
  p_after text, p_limit integer, p_category text, p_words text, p_sku text, p_gtin text
)
returns setof catalog.item
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
as $$
declare
  v_query tsquery := to_tsquery('simple'::regconfig, p_words);
  v_near constant integer := 2000;
  v_ids integer[];
begin
  v_ids := array(
    select n.sku_id
    from (
      select i.sku_id, i.sku, i.name
      from catalog.item i
      where i.sku > p_after and (p_category is null or i.category = p_category)
      order by i.sku
      limit v_near
    ) n
    where to_tsvector('simple'::regconfig, n.name || ' ' || n.sku) @@ v_query
    order by n.sku
    limit p_limit
  );
  if cardinality(v_ids) < p_limit then
    v_ids := array(
      select i.sku_id
      from (
        select w.sku_id, w.sku, w.category
        from catalog.item w
        where to_tsvector('simple'::regconfig, w.name || ' ' || w.sku) @@ v_query
        offset 0 -- a fence: the planner would walk all items in order rather than sort a few
      ) i
      where i.sku > p_after and (p_category is null or i.category = p_category)
      order by i.sku
      limit p_limit
    );
  end if;
  return query
  select i.*
  from (
    select unnest(v_ids) as sku_id
    union
    select s.sku_id from catalog.item s where s.sku = p_sku
    union
    select b.sku_id from catalog.barcode b where b.gtin = p_gtin
  ) f
  join catalog.item i on i.sku_id = f.sku_id
  where i.sku > p_after and (p_category is null or i.category = p_category)
  order by i.sku
  limit p_limit;
end;
$$;
