-- Purpose: first step of import_levels: the lines of all chunks as counts, numbered through
--   (`command` is the line's number in the batch), and the chunk that owns each.
create or replace function imports.parse_levels(
  p_cell integer, p_commands jsonb, out lines stock.asked_count[], out owners integer[]
)
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
  select
    array_agg(
      (
        w.line, w.slot, w.location, w.sku, w.location_id, w.sku_id, w.sellable, null, null, null,
        w.document_id, w.reason, w.client_id, w.problem
      )::stock.asked_count
      order by w.line
    ),
    array_agg(w.owner order by w.line)
  into lines, owners
  from (
    select
      x.location, x.sku, x.sellable, coalesce(x.reason, 'stock import') as reason, l.location_id,
      i.sku_id, c.document_id, c.client_id,
      c.ordinality::integer as owner,
      row_number() over (order by c.ordinality, x.ordinality)::integer as line,
      dense_rank() over (order by l.location_id, i.sku_id)::integer as slot,
      case
        when l.location_id is null then 'unknown_location'
        when i.sku_id is null then 'unknown_sku'
        when not i.stock_tracked then 'not_stock_tracked'
      end as problem
    from rows from (
      jsonb_to_recordset(p_commands) as (client_id integer, document_id uuid, lines jsonb)
    ) with ordinality c (client_id, document_id, lines, ordinality)
    cross join rows from (
      jsonb_to_recordset(c.lines) as (location text, sku text, sellable bigint, reason text)
    ) with ordinality x (location, sku, sellable, reason, ordinality)
    left join lateral (
      select o.location_id
      from locations.location o
      where o.location = x.location and o.cell_id = p_cell
      limit 1
    ) l on true
    left join lateral (
      select t.sku_id, t.stock_tracked from catalog.item t where t.sku = x.sku limit 1
    ) i on true
  ) w;
end;
$$;
