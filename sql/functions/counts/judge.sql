-- Purpose: what the items of a count come to now: counted is the sum of the lines that stand, at the moment
--   of the last of their scans, expected what the book had then as known now (of the ready shelf: what was
--   staged). With p_zero also the items that nobody scanned, as 0 at the moment when the last zone was
--   closed: those that were asked for, or (full counts, the ready shelf) all that the book has here.
create or replace function counts.judge(p_cell integer, p_session counts.session, p_zero boolean)
returns table (sku_id integer, counted bigint, counted_at timestamptz, expected bigint)
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
  v_lines stock.counted_line[];
  v_staged bigint[];
begin
  with seen as (
    select i.sku_id, sum(n.quantity)::bigint as counted, max(n.counted_at) as counted_at
    from counts.item i
    join counts.line n
      on n.cell_id = p_cell and n.session_id = i.session_id and n.sku_id = i.sku_id
      and n.round = i.round
    where i.cell_id = p_cell and i.session_id = p_session.session_id
    group by i.sku_id
  ), unseen as (
    select i.sku_id
    from counts.item i
    where p_zero and p_session.limited and i.cell_id = p_cell
      and i.session_id = p_session.session_id
    union all
    select l.sku_id
    from stock.stock_level l
    where p_zero and not p_session.limited and l.cell_id = p_cell
      and l.location_id = p_session.location_id
      and case p_session.kind when 'ready_shelf' then l.staged else l.sellable end <> 0
  ), closed as (
    select max(z.closed_at) as closed_at
    from counts.zone z
    where z.cell_id = p_cell and z.session_id = p_session.session_id
  )
  select array_agg((p_session.location_id, e.sku_id, e.counted, e.counted_at,
    p_session.session_id, false, null, null)::stock.counted_line order by e.sku_id)
  into v_lines
  from (
    select s.sku_id, s.counted, s.counted_at from seen s
    union all
    select u.sku_id, 0, c.closed_at
    from unseen u
    cross join closed c
    where u.sku_id not in (select s.sku_id from seen s)
  ) e;
  if p_session.kind = 'ready_shelf' then
    v_staged := trust.staged_at(p_cell, v_lines);
  end if;
  return query
  -- where nothing ever was, the book has no level to judge by
  select u.sku_id, u.counted, u.counted_at, coalesce(v_staged[u.ordinality], j.expected, 0)
  from unnest(v_lines) with ordinality u
  left join unnest(trust.judge_counts(p_cell, v_lines)) j on j.line = u.ordinality;
end;
$$;
