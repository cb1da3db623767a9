-- Purpose: level and available units of many (sku, location) pairs at once.
-- Takes: commands of availability.reads.QueryPairs. A read: locks nothing, writes nothing.
-- Outcomes: found: rows of (sku, location, level, available), in the order asked; pairs of unknown
--   items or places are left out.
create or replace function availability.query_pairs(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns json
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  return (
    select json_agg(json_build_object('code', 'found', 'items', coalesce(a.items, '[]'::json))
      order by c.ordinality)
    from rows from (
      jsonb_to_recordset(p_commands) as (skus text[], locations text[])
    ) with ordinality c (skus, locations, ordinality)
    left join lateral (
      select json_agg(json_build_object('sku', i.sku, 'location', l.location,
        'level', case
          when not i.stock_tracked then 'in_stock'
          else stock.level_word(coalesce(f.available, 0), coalesce(f.display, 0),
            coalesce(f.unclaimed, 0), f.frozen_reason, coalesce(f.confidence, 1),
            coalesce(f.uncertain, false))
        end, 'available', coalesce(f.available, 0)) order by k.ordinality, p.ordinality) as items
      from unnest(c.skus) with ordinality k (sku, ordinality)
      join catalog.item i on i.sku = k.sku
      cross join unnest(c.locations) with ordinality p (location, ordinality)
      join locations.location l on l.location = p.location and l.cell_id = p_cell
      left join lateral availability.level_of(
        p_cell, l.location_id, i.sku_id, coalesce(i.safety_stock, l.safety_stock), v_now
      ) f on true
    ) a on true
  );
end;
$$;
