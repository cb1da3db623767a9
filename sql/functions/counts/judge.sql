-- Purpose: what the items of a count come to now: counted is the sum of the lines that stand, at the moment
--   of the last of their scans, expected what the book had then as known now (of the ready shelf: what was
--   staged). With p_zero also the items that nobody scanned, as 0 at the moment when the last zone was
--   closed: those that were asked for, or (full counts, the ready shelf) all that the book has here.
create or replace function counts.judge(p_cell integer, p_session counts.session, p_zero boolean)
returns table (
  sku_id integer, counted bigint, counted_at timestamptz, expected bigint, scale integer
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
  v_lines stock.counted_line[];
  v_judged trust.judged_count;
  v_expected bigint[];
begin
  with seen as (
    select i.sku_id, n.counted, n.counted_at
    from counts.item i
    cross join lateral (
      select sum(o.quantity)::bigint as counted, max(o.counted_at) as counted_at
      from counts.line o
      where o.cell_id = p_cell and o.session_id = p_session.session_id and o.sku_id = i.sku_id
        and o.round = i.round
    ) n
    where i.cell_id = p_cell and i.session_id = p_session.session_id and n.counted is not null
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
    v_expected := trust.staged_at(p_cell, v_lines);
  else
    foreach v_judged in array coalesce(trust.judge_counts(p_cell, v_lines), '{}') loop
      v_expected[v_judged.line] := v_judged.expected;
    end loop;
  end if;
  return query
  -- where nothing ever was, the book has no level to judge by
  select u.sku_id, u.counted, u.counted_at,
    coalesce(v_expected[u.ordinality], 0), k.scale
  from unnest(v_lines) with ordinality u
  cross join lateral (
    select i.scale from catalog.item i where i.sku_id = u.sku_id limit 1
  ) k;
end;
$$;
