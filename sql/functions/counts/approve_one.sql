-- Purpose: takes a count for true. Within tolerance anybody may; beyond it somebody who scanned none of it:
--   another employee where all are named, else another client. While a till may still send what it sold
--   before the last scan, only as provisional (what comes later is trued up, domain §1.3). Posts up to 500
--   items at once; a job posts the rest.
create or replace function counts.approve_one(
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
  v_zero boolean := (p_command ->> 'zero_uncounted')::boolean;
  v_client integer := (p_command ->> 'client_id')::integer;
  v_employee text := p_command ->> 'employee';
  v_judged record;
  v_unheard text[];
begin
  if v_zero and not (p_session.limited or p_session.kind in ('full', 'ready_shelf')) then
    outcome := '{"code": "not_a_full_count"}';
    return;
  end if;
  -- all at once, in their order, those that are missing made: nothing is locked after them
  perform stock.lock_levels(
    p_cell, p_now, array_agg(p_session.location_id), array_agg(j.sku_id),
    array_agg(p_session.kind <> 'ready_shelf')
  )
  from counts.judge(p_cell, p_session, v_zero) j;
  select
    count(*) filter (where abs(j.counted - j.expected)
      > (p_command ->> 'tolerance')::bigint * j.scale) as beyond, max(j.counted_at) as counted_at,
    array_agg(j.sku_id) as skus, array_agg(j.counted) as counted, array_agg(j.counted_at) as at
  into v_judged
  from counts.judge(p_cell, p_session, v_zero) j;
  if v_judged.beyond > 0 and exists (
    select 1
    from counts.scan c
    where c.cell_id = p_cell and c.session_id = p_session.session_id
      and case
        when c.employee is not null and v_employee is not null then c.employee = v_employee
        else c.client_id = v_client
      end
  ) then
    outcome := jsonb_build_object('code', 'second_person_needed', 'beyond', v_judged.beyond);
    return;
  end if;
  select array_agg(t.terminal order by t.terminal) into v_unheard
  from counts.tills(p_cell, p_session.location_id) t
  where t.heard_until < v_judged.counted_at;
  if v_unheard is not null and not (p_command ->> 'provisional')::boolean then
    outcome := jsonb_build_object('code', 'tills_not_heard_out', 'names', to_jsonb(v_unheard));
    return;
  end if;
  insert into counts.item (cell_id, session_id, sku_id, round, counted, counted_at)
  select p_cell, p_session.session_id, u.sku_id, p_session.round, u.counted, u.counted_at
  from unnest(v_judged.skus, v_judged.counted, v_judged.at) u (sku_id, counted, counted_at)
  on conflict on constraint item_pkey do update
  set counted = excluded.counted, counted_at = excluded.counted_at;
  update counts.session s
  set provisional = v_unheard is not null, over_tolerance = v_judged.beyond,
    approved_by = v_client, approved_employee = v_employee
  where s.cell_id = p_cell and s.session_id = p_session.session_id;
  news := counts.advance(p_cell, p_session.session_id, 'approved', null, null, p_now);
  news := counts.post_items(p_cell, p_session.session_id, 500, p_now);
  outcome := '{"code": "approved"}';
end;
$$;
