-- Purpose: notes the present state of some tills (in their newest lives) and tells what is to be
--   told: terminal.stale, terminal.offline, terminal.reconciled. A place is stale from the moment
--   that one of its tills in service falls silent until the last of them speaks again. All places
--   of a call are locked at once, with those that are to be looked at anyway (p_places).
-- Lock order: the tills are locked; then places.
create or replace function terminals.tell_states(
  p_cell integer, p_terminals text[], p_now timestamptz, p_places integer[] default '{}'
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_terminal pos.terminal;
  v_state text;
  v_number bigint;
  v_places integer[] := coalesce(p_places, '{}');
  v_news events.new_event[] := '{}';
begin
  for v_terminal in
    select t.*
    from pos.terminal t
    where t.cell_id = p_cell and t.terminal = any(p_terminals) and not exists (
      select 1
      from pos.terminal n
      where n.cell_id = t.cell_id and n.terminal = t.terminal and n.epoch > t.epoch
    )
    order by t.terminal
  loop
    v_state := terminals.state_of(v_terminal, p_now);
    continue when v_state = v_terminal.state or v_terminal.last_seen_at is null;
    update pos.terminal t
    set state = v_state
    where t.cell_id = p_cell and t.terminal = v_terminal.terminal and t.epoch = v_terminal.epoch;
    if v_state in ('stale', 'offline')
        or coalesce(v_terminal.state, 'online') in ('stale', 'offline') then
      v_places := v_places || v_terminal.location_id;
    end if;
    if v_state in ('stale', 'offline', 'reconciled') and v_terminal.in_service then
      v_number := terminals.number_events(p_cell, v_terminal.terminal, 1);
      v_news := v_news || (
        p_now, 'terminal.' || v_state, 'terminal/' || v_terminal.terminal, v_number + 1, null,
        terminals.event_data(v_terminal) || jsonb_build_object(
          'last_seen_at', v_terminal.last_seen_at, 'synced_through', v_terminal.synced_through,
          'last_sequence', v_terminal.last_sequence
        )
      )::events.new_event;
    end if;
  end loop;
  perform terminals.sync_places(p_cell, v_places, p_now);
  return v_news;
end;
$$;
