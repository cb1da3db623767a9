-- Purpose: first step of count_level and set_safety_stock: what a batch asks of levels, with names
--   resolved, each with its slot.
create or replace function stock.parse_levels(p_cell integer, p_commands jsonb)
returns stock.asked_count[]
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
    select array_agg(
      (
        w.command, w.slot, w.location, w.sku, w.location_id, w.sku_id, w.sellable, w.expected,
        w.safety_stock, w.if_change, w.document_id, w.reason, w.client_id, w.problem
      )::stock.asked_count
      order by w.command
    )
    from (
      select
        c.*, c.ordinality::integer as command, l.location_id, i.sku_id,
        dense_rank() over (order by l.location_id, i.sku_id)::integer as slot,
        case
          when l.location_id is null or i.sku_id is null then 'not_found'
          when not i.stock_tracked then 'not_stock_tracked'
        end as problem
      from rows from (
        jsonb_to_recordset(p_commands) as (
          client_id integer, location text, sku text, sellable bigint, expected bigint,
          safety_stock bigint, if_change bigint, document_id uuid, reason text
        )
      ) with ordinality c (
        client_id, location, sku, sellable, expected, safety_stock, if_change, document_id, reason,
        ordinality
      )
      left join locations.location l on l.location = c.location and l.cell_id = p_cell
      left join catalog.item i on i.sku = c.sku
    ) w
  );
end;
$$;
