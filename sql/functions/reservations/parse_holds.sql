-- Purpose: first step of place_hold: the lines of a batch with names resolved, each with its slot.
create or replace function reservations.parse_holds(p_cell integer, p_commands jsonb)
returns reservations.hold_line[]
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
        w.command, w.line, w.slot, w.location, w.sku, w.location_id, w.sku_id, w.quantity, w.problem,
        w.client_id
      )::reservations.hold_line
      order by w.command, w.line
    )
    from (
      select
        c.ordinality::integer as command, x.ordinality::integer as line, x.location, x.sku,
        l.location_id, i.sku_id, x.quantity,
        dense_rank() over (order by l.location_id, i.sku_id)::integer as slot,
        (c.command ->> 'client_id')::integer as client_id,
        case
          when l.location_id is null then 'unknown_location'
          when i.sku_id is null then 'unknown_sku'
          when l.state <> 'open' then 'location_closed'
          when not i.stock_tracked then 'untracked'
        end as problem
      from jsonb_array_elements(p_commands) with ordinality c (command, ordinality)
      cross join rows from (
        jsonb_to_recordset(c.command -> 'lines') as (location text, sku text, quantity bigint)
      ) with ordinality x (location, sku, quantity, ordinality)
      left join locations.location l on l.location = x.location and l.cell_id = p_cell
      left join catalog.item i on i.sku = x.sku
    ) w
  );
end;
$$;
