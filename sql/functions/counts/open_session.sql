-- Purpose: begins a count of a place: all of it, a part, or some items (those of a task, or named ones). Who
--   counts is told nothing of the book until it is handed in (blind).
-- Takes: commands of counts.commands.OpenSession, in arrival order.
-- Lock order: the cell's state.
-- Outcomes: opened (with the session) · unknown_location · unknown_sku (with names) · unknown_task ·
--   idempotency_key_reused.
-- Events: count.opened.
create or replace function counts.open_session(
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
  v_outcomes jsonb[];
  v_news events.new_event[];
  v_ask record;
  v_done record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_ask in
    select c.command, c.ordinality
    from jsonb_array_elements(p_commands) with ordinality c (command, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_ask.ordinality] is null then
      select * into v_done from counts.open_one(p_cell, v_ask.command, v_now);
      v_outcomes[v_ask.ordinality] := v_done.outcome;
      v_news := v_news || v_done.news;
    elsif v_outcomes[v_ask.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_ask.ordinality] := web.twin_outcome(v_outcomes[v_ask.ordinality], v_outcomes);
    end if;
  end loop;
  perform web.remember(p_cell, 'counts.open_session', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_news);
  return to_jsonb(v_outcomes);
end;
$$;
