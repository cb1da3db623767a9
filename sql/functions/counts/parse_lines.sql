-- Purpose: the lines of a count, or the scans of a session, with their items (and zones) resolved, each
--   judged by itself. A pack's barcode stands for `factor` sales units, a single one for what the line says
--   in base units. A moment that lies a little ahead is now: what is sold from now on was not counted. A
--   session with one zone need not be told which. What Python refused keeps its problem and its detail.
create or replace function counts.parse_lines(
  p_cell integer, p_session counts.session, p_lines jsonb, p_now timestamptz
)
returns table (
  index integer, sku_id integer, sku text, zone text, quantity bigint, counted_at timestamptz,
  employee text, problem text, detail text
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
declare
  v_only text;
begin
  select min(z.zone) into v_only
  from counts.zone z
  where z.cell_id = p_cell and z.session_id = p_session.session_id
  having count(*) = 1;
  return query
  select
    (x.ordinality - 1)::integer, i.sku_id, i.sku, coalesce(x.zone, v_only),
    x.quantity * coalesce(i.units, 1), least(coalesce(x.counted_at, p_now), p_now), x.employee,
    case
      when x.problem is not null then x.problem
      when i.sku_id is null and x.gtin is not null then 'unknown_gtin'
      when i.sku_id is null then 'unknown_sku'
      when not i.stock_tracked then 'not_stock_tracked'
      when x.counted_at > p_now + interval '10 minutes' then 'in_the_future'
      when abs(x.quantity::numeric * i.units) > 1000000000 then 'invalid_value'
      when p_session.session_id is null then null
      when z.zone is null then 'unknown_zone'
      when z.closed_at is not null then 'zone_closed'
      when p_session.limited and o.round is null or p_session.round > 1
        and o.round is distinct from p_session.round then 'not_in_this_count'
    end,
    x.detail
  from rows from (
    jsonb_to_recordset(p_lines) as (
      sku text, gtin text, zone text, quantity bigint, counted_at timestamptz, employee text,
      problem text, detail text
    )
  ) with ordinality x (
    sku, gtin, zone, quantity, counted_at, employee, problem, detail, ordinality
  )
  left join lateral (
    select k.sku_id, k.sku, k.stock_tracked, 1::bigint as units
    from catalog.item k
    where k.sku = x.sku
    union all
    select k.sku_id, k.sku, k.stock_tracked, case g.factor
      when 1 then 1 else g.factor::bigint * k.scale
    end
    from catalog.barcode g
    join catalog.item k on k.sku_id = g.sku_id
    where g.gtin = x.gtin
    limit 1
  ) i on true
  -- look-ups by whole key, whatever the planner believes of fresh tables
  left join lateral (
    select g.zone, g.closed_at
    from counts.zone g
    where g.cell_id = p_cell and g.session_id = p_session.session_id
      and g.zone = coalesce(x.zone, v_only)
    limit 1
  ) z on true
  left join lateral (
    select g.round
    from counts.item g
    where g.cell_id = p_cell and g.session_id = p_session.session_id and g.sku_id = i.sku_id
    limit 1
  ) o on true
  order by x.ordinality;
end;
$$;
