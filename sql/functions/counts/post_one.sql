-- Purpose: one count of post_count: a session that begins approved, whose items are posted at once. An item
--   is counted once in a request: which of two figures is right, only a person knows.
create or replace function counts.post_one(
  p_cell integer, p_command jsonb, p_now timestamptz,
  out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_id uuid := (p_command ->> 'session_id')::uuid;
  v_client integer := (p_command ->> 'client_id')::integer;
  v_location_id integer;
  v_lines record;
begin
  select l.location_id into v_location_id
  from locations.location l
  where l.location = p_command ->> 'location' and l.cell_id = p_cell;
  if v_location_id is null then
    outcome := '{"code": "unknown_location"}';
    return;
  end if;
  select
    array_agg(x.sku_id order by x.index) as skus, array_agg(x.quantity order by x.index) as counted,
    array_agg(x.counted_at order by x.index) as at, array_agg(x.sku order by x.index) as names,
    array_agg(x.detail order by x.index) as details,
    array_agg(case
      when x.problem is null and x.number > 1 then 'counted_twice' else x.problem
    end order by x.index) as problems,
    max(x.counted_at) filter (where x.problem is null) as newest
  into v_lines
  from (
    select y.*, row_number() over (partition by y.sku_id, y.problem is null order by y.index) as number
    from counts.parse_lines(p_cell, null, p_command -> 'lines', p_now) y
  ) x;
  insert into counts.session (
    cell_id, session_id, location_id, kind, state, reason, over_tolerance, provisional, opened_by,
    approved_by, opened_at, active_at, submitted_at, approved_at
  ) values (
    p_cell, v_id, v_location_id, 'spot', 'approved', p_command ->> 'reason', 0,
    exists (
      select 1
      from counts.tills(p_cell, v_location_id) t
      where t.heard_until < v_lines.newest
    ), v_client, v_client, p_now, p_now, p_now, p_now
  );
  insert into counts.item (cell_id, session_id, sku_id, round, counted, counted_at)
  select p_cell, v_id, u.sku_id, 1, u.counted, u.counted_at
  from unnest(v_lines.skus, v_lines.counted, v_lines.at, v_lines.problems)
    u (sku_id, counted, counted_at, problem)
  where u.problem is null;
  news := counts.post_items(p_cell, v_id, 1000, p_now);
  outcome := jsonb_build_object('code', 'posted', 'session_id', v_id, 'results', (
    select coalesce(jsonb_agg(case
      when u.problem is not null then
        jsonb_build_object('status', 'refused', 'code', u.problem, 'detail', u.detail)
      else jsonb_build_object('status', 'posted', 'sku', u.sku, 'expected', i.expected,
        'variance', i.counted - i.expected, 'provisional', i.provisional)
    end order by u.index), '[]')
    from unnest(v_lines.skus, v_lines.at, v_lines.names, v_lines.problems, v_lines.details)
      with ordinality u (sku_id, counted_at, sku, problem, detail, index)
    left join lateral (
      select c.counted, c.expected, c.provisional
      from stock.stock_count c
      where c.cell_id = p_cell and c.location_id = v_location_id and c.sku_id = u.sku_id
        and c.counted_at = u.counted_at and c.document_id = v_id
      limit 1
    ) i on true
  ));
end;
$$;
