-- Purpose: hands a count in. Every zone must be closed, and every item that is counted again must
--   have been counted again (nothing there is a count of 0).
create or replace function counts.submit_one(
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
  v_open jsonb;
  v_missing jsonb;
begin
  select jsonb_agg(z.zone order by z.zone) into v_open
  from counts.zone z
  where z.cell_id = p_cell and z.session_id = p_session.session_id and z.closed_at is null;
  if v_open is not null then
    outcome := jsonb_build_object('code', 'zones_open', 'names', v_open);
    return;
  end if;
  select jsonb_agg(m.sku) into v_missing
  from (
    select k.sku
    from counts.item i
    join catalog.item k on k.sku_id = i.sku_id
    left join lateral (
      select true as there
      from counts.line o
      where o.cell_id = p_cell and o.session_id = p_session.session_id and o.sku_id = i.sku_id
        and o.round = i.round
      limit 1
    ) n on true
    where i.cell_id = p_cell and i.session_id = p_session.session_id
      and i.round = p_session.round and p_session.round > 1 and n.there is null
    order by k.sku
    limit 20
  ) m;
  if v_missing is not null then
    outcome := jsonb_build_object('code', 'recount_incomplete', 'names', v_missing);
    return;
  end if;
  update counts.session s
  set over_tolerance = (
    select count(*)
    from counts.judge(p_cell, p_session, false) j
    where abs(j.counted - j.expected) > (p_command ->> 'tolerance')::bigint * j.scale
  )
  where s.cell_id = p_cell and s.session_id = p_session.session_id;
  news := counts.advance(p_cell, p_session.session_id, 'submitted', 'count.submitted',
    (p_command ->> 'client_id')::integer, p_now);
  outcome := '{"code": "submitted"}';
end;
$$;
