-- Purpose: decides a batch of changes of counts, in arrival order, each on what those before it left.
-- Takes: the commands of p_verb. Locks: sessions by id, then what the verb needs.
-- Returns: one outcome a command.
create or replace function counts.change_sessions(
  p_cell integer, p_verb text, p_commands jsonb, p_now timestamptz
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
  v_outcomes jsonb[];
  v_news events.new_event[];
  v_ask record;
  v_session counts.session;
  v_done record;
begin
  perform 1
  from counts.session s
  where s.cell_id = p_cell and s.session_id = any (array(
    select c.session_id from jsonb_to_recordset(p_commands) as c (session_id uuid)
  ))
  order by s.session_id
  for update of s;
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_ask in
    select c.command, c.ordinality
    from jsonb_array_elements(p_commands) with ordinality c (command, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_ask.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_ask.ordinality] := web.twin_outcome(v_outcomes[v_ask.ordinality], v_outcomes);
    end if;
    continue when v_outcomes[v_ask.ordinality] is not null;
    select s.* into v_session
    from counts.session s
    where s.cell_id = p_cell and s.session_id = (v_ask.command ->> 'session_id')::uuid;
    v_outcomes[v_ask.ordinality] := counts.refused(p_cell, p_verb, v_session, v_ask.command);
    continue when v_outcomes[v_ask.ordinality] is not null;
    case p_verb
      when 'record_scans' then
        select * into v_done from counts.take_scans(p_cell, v_session, v_ask.command, p_now);
      when 'mark_zone' then
        update counts.zone z
        set closed_at = case
          when (v_ask.command ->> 'closed')::boolean then coalesce(z.closed_at, p_now)
        end
        where z.cell_id = p_cell and z.session_id = v_session.session_id
          and z.zone = v_ask.command ->> 'zone';
        select jsonb_build_object('code', case when found then 'marked' else 'unknown_zone' end)
          as outcome, case when found then counts.advance(
            p_cell, v_session.session_id, v_session.state, null, null, p_now
          ) end as news into v_done;
      when 'submit_session' then
        select * into v_done from counts.submit_one(p_cell, v_session, v_ask.command, p_now);
      when 'recount_session' then
        select * into v_done from counts.recount_one(p_cell, v_session, v_ask.command, p_now);
      when 'approve_session' then
        select * into v_done from counts.approve_one(p_cell, v_session, v_ask.command, p_now);
      when 'cancel_session' then
        select jsonb_build_object('code', 'cancelled') as outcome, case v_session.state
          when 'cancelled' then null  -- a second time changes nothing
          else counts.advance(p_cell, v_session.session_id, 'cancelled', 'count.cancelled',
            (v_ask.command ->> 'client_id')::integer, p_now)
        end as news into v_done;
    end case;
    v_outcomes[v_ask.ordinality] := v_done.outcome || jsonb_build_object(
      'session', counts.tell_session(p_cell, v_session.session_id)
    );
    v_news := v_news || v_done.news;
  end loop;
  perform web.remember(p_cell, 'counts.' || p_verb, p_commands, v_outcomes, p_now);
  perform events.write_events(p_cell, p_now, v_news);
  return to_jsonb(v_outcomes);
end;
$$;
