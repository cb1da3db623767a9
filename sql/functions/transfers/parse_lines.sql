-- Purpose: first step of request, dispatch and receipt: the lines of a batch with names resolved and
--   what is wrong with them. A place in another cell is unknown here; a request names its two
--   places, the others a transfer, on which their items must be.
create or replace function transfers.parse_lines(p_cell integer, p_commands jsonb)
returns transfers.asked_line[]
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
        x.command, x.line, x.sku, i.sku_id, x.quantity, coalesce(x.damaged, false), x.for_order,
        x.from_location, f.location_id, t.location_id, case
          when x.from_location is null and n.sku_id is null then 'not_on_transfer'
          when x.from_location is null then null
          when f.location_id is null or t.location_id is null then 'unknown_location'
          when t.state = 'closed' then 'location_closed'
          when i.sku_id is null then 'unknown_sku'
          when not i.stock_tracked then 'not_stock_tracked'
        end
      )::transfers.asked_line
      order by x.command, x.line
    )
    from (
      select
        c.ordinality::integer as command, e.line::integer as line, e.sku, e.quantity, e.damaged,
        e.for_order, (c.command ->> 'transfer_id')::uuid as transfer_id,
        c.command ->> 'from_location' as from_location,
        c.command ->> 'to_location' as to_location
      from jsonb_array_elements(p_commands) with ordinality c (command, ordinality)
      cross join rows from (
        jsonb_to_recordset(c.command -> 'lines') as (
          sku text, quantity bigint, damaged boolean, for_order uuid
        )
      ) with ordinality e (sku, quantity, damaged, for_order, line)
      offset 0
    ) x
    left join locations.location f on f.location = x.from_location and f.cell_id = p_cell
    left join locations.location t on t.location = x.to_location and t.cell_id = p_cell
    left join catalog.item i on i.sku = x.sku
    left join transfers.transfer_line n
      on n.cell_id = p_cell and n.transfer_id = x.transfer_id and n.sku_id = i.sku_id
  );
end;
$$;
