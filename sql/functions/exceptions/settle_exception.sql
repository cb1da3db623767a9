-- Purpose: one command of resolve_exception: looks the exception up, refuses what does not settle it,
--   and lets its kind decide. Of two words at once the second finds it resolved.
create or replace function exceptions.settle_exception(
  p_cell integer, p_command jsonb, p_locked text[], p_now timestamptz,
  out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_exception pos.exception;
  v_action text := p_command ->> 'action';
  v_detail text;
  v_resolution jsonb := jsonb_build_object(
    'action', v_action, 'reason', p_command -> 'reason', 'client', p_command -> 'client_id'
  );
begin
  select x.* into v_exception
  from pos.exception x
  left join locations.location l on l.location_id = x.location_id
  where x.cell_id = p_cell and x.exception_id = (p_command ->> 'exception_id')::uuid
    and (jsonb_typeof(p_command -> 'locations') = 'null'
      or p_command -> 'locations' ? l.location)
  for update of x;
  if v_exception.exception_id is null then
    outcome := '{"code": "not_found"}';
    return;
  end if;
  v_detail := case
    when v_exception.state <> 'open' then
      'It is resolved already (' || (v_exception.resolution ->> 'action') || ').'
    else exceptions.advice(v_exception.kind, v_action)
  end;
  if v_detail is not null then
    outcome := jsonb_build_object('code', 'wrong_state', 'detail', v_detail);
    return;
  end if;
  if v_exception.kind = 'unmapped' and v_action = 'map' then
    select m.outcome, m.news into outcome, news
    from mapping.map_code(p_cell, v_exception, p_command, p_locked, v_resolution, p_now) m;
  elsif v_exception.kind = 'held_for_review' then
    select m.outcome, m.news into outcome, news
    from exceptions.settle_held(
      p_cell, v_exception, p_command -> 'codes', v_resolution, p_now
    ) m;
  elsif v_exception.kind = 'over_return' then
    select m.outcome, m.news into outcome, news
    from exceptions.settle_over_return(p_cell, v_exception, v_resolution, p_now) m;
  elsif v_exception.kind = 'match' then
    select m.outcome, m.news into outcome, news
    from matching.settle_match(p_cell, v_exception, v_resolution, p_now) m;
  else
    select m.outcome, m.news into outcome, news
    from exceptions.settle_by_word(p_cell, v_exception, v_resolution, p_now) m;
  end if;
end;
$$;
