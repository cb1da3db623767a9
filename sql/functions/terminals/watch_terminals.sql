-- Purpose: looks after the tills that say nothing: those that fall silent are told, numbers that were
--   announced and do not come are gaps, and places are stale no longer than their tills.
-- Takes: one command of terminals.commands.WatchTerminals: from after a code, so many.
-- Lock order: terminals by (terminal, epoch), skipping locked ones, places, then the cell's state.
-- Outcomes: watched. Events: terminal.stale, terminal.offline, terminal.gap, terminal.reconciled.
create or replace function terminals.watch_terminals(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_asked record;
  v_terminals pos.terminal[];
  v_terminal pos.terminal;
  v_begin bigint;
  v_news events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  select c.after_code, c.most into v_asked
  from jsonb_to_recordset(p_commands) as c (after_code text, most integer);
  if v_asked.most is null then
    return '[]';
  end if;
  select array_agg(w.t order by (w.t).terminal) into v_terminals
  from (
    select t
    from pos.terminal t
    where t.cell_id = p_cell and t.terminal > v_asked.after_code and t.last_seen_at is not null
      and (
        t.last_seen_at <= v_now - interval '10 minutes' and t.state is distinct from 'offline'
        or t.state = 'catching_up' or t.behind_since <= v_now - interval '30 seconds'
      )
      and not exists (
        select 1
        from pos.terminal n
        where n.cell_id = t.cell_id and n.terminal = t.terminal and n.epoch > t.epoch
      )
    order by t.terminal
    limit v_asked.most
    for update of t skip locked
  ) w;
  foreach v_terminal in array coalesce(v_terminals, '{}') loop
    v_begin := coalesce(
      greatest(v_terminal.last_sequence + 1, v_terminal.first_sequence),
      v_terminal.announced_sequence
    );
    if v_terminal.behind_since <= v_now - interval '30 seconds'
        and v_begin <= v_terminal.announced_sequence then
      v_news := v_news || terminals.open_gaps(p_cell, v_terminal, int8multirange(
        int8range(v_begin, v_terminal.announced_sequence, '[]')
      ), v_now);
    end if;
  end loop;
  v_news := v_news || terminals.tell_states(
    p_cell, array(select u.terminal from unnest(v_terminals) u), v_now, array(
      select s.location_id
      from stock.place_sync s
      where s.cell_id = p_cell and (s.stale_since is not null or s.doubtful)
        and v_asked.after_code = ''
    )
  );
  perform events.write_events(p_cell, v_now, v_news);
  return jsonb_build_array(jsonb_build_object(
    'code', 'watched', 'events', coalesce(cardinality(v_news), 0), 'last', case
      when cardinality(v_terminals) = v_asked.most then v_terminals[v_asked.most].terminal
    end
  ));
end;
$$;
