-- Purpose: a till says that it is there, what its clock shows, and which number it gave last. By how
--   much its clock is behind ours is measured here (domain §1.3).
-- Takes: commands of terminals.commands.RecordHeartbeat.
-- Lock order: terminals by (terminal, epoch), places by location, then the cell's state.
-- Outcomes: recorded · not_found.
-- Events: terminal.reconciled; a place whose tills all speak is stale no more.
create or replace function terminals.record_heartbeats(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_outcomes jsonb[];
  v_woken text[];
  v_terminal pos.terminal;
  v_each record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform pos.lock_terminals(p_cell, array(
    select c.terminal from jsonb_to_recordset(p_commands) as c (terminal text)
  ));
  for v_each in
    select c.*
    from rows from (
      jsonb_to_recordset(p_commands) as (
        terminal text, sent_at timestamptz, last_sequence bigint, locations text[]
      )
    ) with ordinality c (terminal, sent_at, last_sequence, locations, ordinality)
    order by c.ordinality
  loop
    v_terminal := terminals.newest_life(p_cell, v_each.terminal, v_each.locations);
    if v_terminal.terminal is null then
      v_outcomes[v_each.ordinality] := '{"code": "not_found"}';
      continue;
    end if;
    v_terminal := terminals.hear(
      p_cell, v_terminal, v_each.sent_at, v_each.last_sequence, v_now
    );
    if v_terminal.state is distinct from 'online' then
      v_woken := v_woken || v_each.terminal;
    end if;
    v_outcomes[v_each.ordinality] := jsonb_build_object(
      'code', 'recorded', 'terminal', terminals.terminal_body(v_terminal, v_now)
    );
  end loop;
  perform events.write_events(
    p_cell, v_now, terminals.tell_states(p_cell, v_woken, v_now)
  );
  return to_jsonb(v_outcomes);
end;
$$;
