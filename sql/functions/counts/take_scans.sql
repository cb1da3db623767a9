-- Purpose: adds scans to the lines of a count, in order, each by itself; a negative one takes back what
--   was scanned too much, never more. The first one begins the counting.
create or replace function counts.take_scans(
  p_cell integer, p_session counts.session, p_command jsonb, p_now timestamptz,
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
  v_scan record;
  v_total bigint;
  v_taken bigint := 0;
  v_results jsonb[] := '{}';
begin
  for v_scan in
    select x.* from counts.parse_lines(p_cell, p_session, p_command -> 'scans', p_now) x
  loop
    v_total := coalesce((
      select n.quantity
      from counts.line n
      where n.cell_id = p_cell and n.session_id = p_session.session_id
        and n.sku_id = v_scan.sku_id and n.round = p_session.round and n.zone = v_scan.zone
    ), 0) + v_scan.quantity;
    if v_scan.problem is null and v_total < 0 then
      v_scan.problem := 'below_zero';
    end if;
    if v_scan.problem is not null then
      v_results := v_results || jsonb_build_object('status', 'refused', 'code', v_scan.problem,
        'detail', v_scan.detail);
      continue;
    end if;
    v_taken := v_taken + 1;
    insert into counts.scan (
      cell_id, session_id, scan_number, round, zone, sku_id, quantity, counted_at, recorded_at,
      employee, client_id
    ) values (
      p_cell, p_session.session_id, p_session.scan_count + v_taken, p_session.round, v_scan.zone,
      v_scan.sku_id, v_scan.quantity, v_scan.counted_at, p_now, v_scan.employee,
      (p_command ->> 'client_id')::integer
    );
    insert into counts.line (
      cell_id, session_id, sku_id, round, zone, quantity, first_at, counted_at, employee
    ) values (
      p_cell, p_session.session_id, v_scan.sku_id, p_session.round, v_scan.zone, v_total,
      v_scan.counted_at, v_scan.counted_at, v_scan.employee
    )
    on conflict on constraint line_pkey do update
    set quantity = excluded.quantity, first_at = least(counts.line.first_at, excluded.first_at),
      counted_at = greatest(counts.line.counted_at, excluded.counted_at),
      employee = coalesce(excluded.employee, counts.line.employee);
    insert into counts.item (cell_id, session_id, sku_id, round)
    values (p_cell, p_session.session_id, v_scan.sku_id, p_session.round)
    on conflict on constraint item_pkey do nothing;
    update counts.zone z
    set scans = z.scans + 1
    where z.cell_id = p_cell and z.session_id = p_session.session_id and z.zone = v_scan.zone;
    v_results := v_results || jsonb_build_object('status', 'counted', 'sku', v_scan.sku,
      'zone', v_scan.zone, 'total', v_total);
  end loop;
  update counts.session s
  set scan_count = s.scan_count + v_taken
  where s.cell_id = p_cell and s.session_id = p_session.session_id;
  news := counts.advance(p_cell, p_session.session_id, case
    when p_session.state = 'open' and v_taken > 0 then 'counting' else p_session.state
  end, null, null, p_now);
  outcome := jsonb_build_object('code', 'counted', 'results', v_results);
end;
$$;
