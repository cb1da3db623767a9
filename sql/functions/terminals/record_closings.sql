-- Purpose: what a till says of its day when it is closed (the Z-count). The same again changes
--   nothing; another count of the same day replaces it and is told what it replaced.
-- Takes: commands of terminals.commands.RecordClosing.
-- Lock order: terminals by (terminal, epoch), places by location, then the cell's state.
-- Outcomes: recorded · not_found · in_the_future.
-- Events: terminal.reconciled.
create or replace function terminals.record_closings(
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
        client_id integer, terminal text, business_date date, receipts bigint,
        last_sequence bigint, locations text[]
      )
    ) with ordinality c (
      client_id, terminal, business_date, receipts, last_sequence, locations, ordinality
    )
    order by c.ordinality
  loop
    v_outcomes[v_each.ordinality] := terminals.close_day(
      p_cell, terminals.newest_life(p_cell, v_each.terminal, v_each.locations), (
        p_cell, v_each.terminal, 0, v_each.business_date, v_each.receipts, v_each.last_sequence,
        v_now, v_each.client_id
      )::pos.closing, v_now
    );
  end loop;
  perform events.write_events(p_cell, v_now, terminals.tell_states(p_cell, array(
    select c.terminal from jsonb_to_recordset(p_commands) as c (terminal text)
  ), v_now));
  return to_jsonb(v_outcomes);
end;
$$;
