-- Purpose: one count.variance event for each of these posted items that was not as the book had it.
create or replace function counts.tell_variances(
  p_cell integer, p_session counts.session, p_lines stock.counted_line[],
  p_expected bigint[], p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_number bigint;
  v_location text;
  v_news events.new_event[];
begin
  select s.event_count, l.location into v_number, v_location
  from counts.session s
  join locations.location l on l.location_id = s.location_id
  where s.cell_id = p_cell and s.session_id = p_session.session_id;
  select array_agg((
    i.counted_at, 'count.variance', 'count/' || p_session.session_id, v_number + i.number,
    p_session.approved_by, jsonb_build_object(
      'count', p_session.session_id, 'location', v_location, 'sku', k.sku,
      'account', case p_session.kind when 'ready_shelf' then 'staged' else 'sellable' end,
      'counted', i.counted, 'expected', i.expected, 'variance', i.counted - i.expected,
      'counted_at', i.counted_at, 'provisional', i.provisional
    )
  )::events.new_event order by i.number)
  into v_news
  from (
    select u.sku_id, u.counted, u.counted_at, u.provisional, w.expected,
      row_number() over (order by u.sku_id) as number
    from unnest(p_lines) with ordinality u
    cross join lateral (select coalesce(p_expected[u.ordinality], 0) as expected) w
    where u.counted <> w.expected
  ) i
  cross join lateral (select o.sku from catalog.item o where o.sku_id = i.sku_id limit 1) k;
  update counts.session s
  set event_count = s.event_count + coalesce(cardinality(v_news), 0)
  where s.cell_id = p_cell and s.session_id = p_session.session_id;
  return v_news;
end;
$$;
