-- Purpose: opens an exception for each run of numbers that is missing, and tells it. What is an open
--   gap already, or was accepted as one that never comes, is left out; a run that continues the
--   newest gap makes that one longer.
-- Returns: terminal.gap for each run.
create or replace function terminals.open_gaps(
  p_cell integer, p_terminal pos.terminal, p_missing int8multirange, p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_missing int8multirange;
  v_span int8range;
  v_news events.new_event[] := '{}';
  v_count bigint;
begin
  v_missing := p_missing - coalesce((
    select range_agg(int8range(x.sequence, x.sequence + x.quantity))
    from pos.exception x
    where x.cell_id = p_cell and x.terminal = p_terminal.terminal and x.epoch = p_terminal.epoch
      and x.kind = 'gap' and x.state = 'open'
  ), '{}') - coalesce((
    select range_agg(int8range(x.sequence, x.sequence + x.quantity))
    from pos.exception x
    where x.cell_id = p_cell and x.terminal = p_terminal.terminal and x.epoch = p_terminal.epoch
      and x.kind = 'gap' and x.resolution ->> 'action' = 'accept'
  ), '{}');
  if isempty(v_missing) then
    return null;
  end if;
  select terminals.number_events(p_cell, p_terminal.terminal, count(*)) into v_count
  from unnest(v_missing) u;
  for v_span in select u.span from unnest(v_missing) u (span) order by 1 loop
    v_count := v_count + 1;
    v_news := v_news || (
      p_now, 'terminal.gap', 'terminal/' || p_terminal.terminal, v_count, null,
      terminals.event_data(p_terminal) || jsonb_build_object(
        'first', lower(v_span), 'last', upper(v_span) - 1
      )
    )::events.new_event;
    update pos.exception x
    set
      quantity = upper(v_span) - x.sequence,
      body = jsonb_build_object('first', x.sequence, 'last', upper(v_span) - 1)
    where x.cell_id = p_cell and x.terminal = p_terminal.terminal and x.epoch = p_terminal.epoch
      and x.kind = 'gap' and x.state = 'open' and x.sequence + x.quantity = lower(v_span);
    continue when found;
    insert into pos.exception (
      cell_id, exception_id, kind, terminal, epoch, sequence, location_id, quantity, fingerprint,
      body, recorded_at
    ) values (
      p_cell, terminals.gap_id(p_terminal, lower(v_span), p_now), 'gap', p_terminal.terminal,
      p_terminal.epoch, lower(v_span), p_terminal.location_id, upper(v_span) - lower(v_span), 'gap',
      jsonb_build_object('first', lower(v_span), 'last', upper(v_span) - 1), p_now
    );
  end loop;
  return v_news;
end;
$$;
