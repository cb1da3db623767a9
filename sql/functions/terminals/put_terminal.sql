-- Purpose: registers a till or changes it: where it stands, in which of its lives (epoch).
-- Takes: commands of terminals.commands.PutTerminal. `epoch` null: its newest life, or its first.
--   `first_sequence` null: as it is, or the first number that comes. `in_service` null: as it is.
-- Lock order: terminals by (terminal, epoch), places by location, then the cell's state.
-- Outcomes: created · updated · unchanged · unknown_location · idempotency_key_reused.
-- Events: terminal.gap, where `first_sequence` is now lower.
create or replace function terminals.put_terminal(
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
  v_news events.new_event[];
  v_each record;
  v_done record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform pos.lock_terminals(p_cell, array(
    select c.terminal from jsonb_to_recordset(p_commands) as c (terminal text)
  ));
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_each in
    select c.*
    from rows from (
      jsonb_to_recordset(p_commands) as (
        terminal text, epoch integer, location text, name text, first_sequence bigint,
        in_service boolean
      )
    ) with ordinality c (
      terminal, epoch, location, name, first_sequence, in_service, ordinality
    )
    order by c.ordinality
  loop
    if v_outcomes[v_each.ordinality] is null then
      select * into v_done from terminals.write_terminal(
        p_cell, v_each.terminal, v_each.epoch, v_each.location, v_each.name,
        v_each.first_sequence, v_each.in_service, v_now
      );
      v_outcomes[v_each.ordinality] := jsonb_build_object('code', v_done.code);
      v_news := v_news || v_done.news;
    elsif v_outcomes[v_each.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_each.ordinality] := web.twin_outcome(v_outcomes[v_each.ordinality], v_outcomes);
    end if;
  end loop;
  perform web.remember(p_cell, 'terminals.put_terminal', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_news);
  return to_jsonb(v_outcomes);
end;
$$;
