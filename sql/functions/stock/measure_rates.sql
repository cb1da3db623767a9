-- Purpose: measures what is sold of each item at each place in an open hour of the last 28 days, level
--   by level in the order of place and item, `most` at a time from after the one given: what the
--   stale buffer counts with (trust.stale_buffer). Repeatable: two at once write the same.
-- Takes: commands of stock.commands.MeasureRates.
-- Lock order: rates by (location, sku). Levels are only read.
-- Outcomes: measured (with the last level of the page, null after the end). Events: none.
create or replace function stock.measure_rates(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  return (
    select jsonb_agg(jsonb_build_object('code', 'measured', 'levels', m.levels,
      'location_id', m.last_location_id, 'sku_id', m.last_sku_id) order by c.ordinality)
    from rows from (
      jsonb_to_recordset(p_commands) as (location_id integer, sku_id integer, most integer)
    ) with ordinality c (location_id, sku_id, most, ordinality)
    cross join lateral trust.measure_page(p_cell, c.location_id, c.sku_id, c.most, v_now) m
  );
end;
$$;
