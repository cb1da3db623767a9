-- Purpose: has what is over tolerance counted again, blind as before: those items get a new round, whose
--   lines replace the ones before, and the zones where they were found are opened.
create or replace function counts.recount_one(
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
  v_round integer := p_session.round + 1;
begin
  insert into counts.item (cell_id, session_id, sku_id, round)
  select p_cell, p_session.session_id, j.sku_id, v_round
  from counts.judge(p_cell, p_session, false) j
  where abs(j.counted - j.expected) > (p_command ->> 'tolerance')::bigint * j.scale
  on conflict on constraint item_pkey do update set round = excluded.round;
  if not found then
    outcome := '{"code": "nothing_to_recount"}';
    return;
  end if;
  update counts.zone z
  set closed_at = null
  where z.cell_id = p_cell and z.session_id = p_session.session_id and z.zone = any (array(
    select distinct n.zone
    from counts.line n
    cross join lateral (
      select i.round
      from counts.item i
      where i.cell_id = p_cell and i.session_id = p_session.session_id and i.sku_id = n.sku_id
      limit 1
    ) i
    where n.cell_id = p_cell and n.session_id = p_session.session_id and i.round = v_round
  ));
  update counts.session s
  set round = v_round, over_tolerance = null
  where s.cell_id = p_cell and s.session_id = p_session.session_id;
  news := counts.advance(p_cell, p_session.session_id, 'recount', 'count.recount',
    (p_command ->> 'client_id')::integer, p_now);
  outcome := jsonb_build_object(
    'code', 'recounting',
    'names', (
      select jsonb_agg(m.sku)
      from (
        select k.sku
        from counts.item i
        join catalog.item k on k.sku_id = i.sku_id
        where i.cell_id = p_cell and i.session_id = p_session.session_id and i.round = v_round
        order by k.sku
        limit 1000
      ) m
    )
  );
end;
$$;
