-- Purpose: posts what approved counts have left to post, and gives up counts that nobody touched for so
--   long. What another process has locked is left to it.
-- Takes: commands of counts.commands.TendSessions.
-- Lock order: sessions (skipping locked ones), stock levels by (location, sku), the cell's state.
-- Outcomes: tended (with the number of items posted and of counts given up).
-- Events: count.cancelled, and those of approve_session.
create or replace function counts.tend_sessions(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_ask record;
  v_each record;
  v_sessions integer;
  v_news events.new_event[];
  v_outcomes jsonb[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  for v_ask in
    select c.* from jsonb_to_recordset(p_commands) as c (idle_hours integer, most integer)
  loop
    v_sessions := 0;
    for v_each in
      select s.session_id, s.state
      from counts.session s
      where s.cell_id = p_cell and s.state = 'approved'
      order by s.approved_at
      limit 1
      for update of s skip locked
    loop
      v_news := v_news || counts.post_items(p_cell, v_each.session_id, v_ask.most, v_now);
      v_sessions := v_sessions + 1;
    end loop;
    for v_each in
      select s.session_id
      from counts.session s
      where s.cell_id = p_cell and s.state in ('open', 'counting', 'submitted', 'recount')
        and s.active_at < v_now - v_ask.idle_hours * interval '1 hour'
      order by s.active_at
      limit v_ask.most
      for update of s skip locked
    loop
      v_news := v_news || counts.advance(
        p_cell, v_each.session_id, 'cancelled', 'count.cancelled', null, v_now
      );
      v_sessions := v_sessions + 1;
    end loop;
    v_outcomes := v_outcomes || jsonb_build_object('code', 'tended', 'sessions', v_sessions);
  end loop;
  perform events.write_events(p_cell, v_now, v_news);
  return to_jsonb(v_outcomes);
end;
$$;
