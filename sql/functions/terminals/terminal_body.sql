-- Purpose: a till as the API tells it (contract §5): its state now, how far it has come without a
--   hole, what is missing (the first 1,000 runs), and its newest Z-count beside what came.
create or replace function terminals.terminal_body(p_terminal pos.terminal, p_now timestamptz)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_gaps jsonb;
  v_first bigint;
  v_closing record;
begin
  select jsonb_agg(jsonb_build_array(g.first, g.last) order by g.first), min(g.first)
  into v_gaps, v_first
  from (
    select x.sequence as first, x.sequence + x.quantity - 1 as last
    from pos.exception x
    where x.cell_id = p_terminal.cell_id and x.terminal = p_terminal.terminal
      and x.epoch = p_terminal.epoch and x.kind = 'gap' and x.state = 'open'
    order by x.sequence
    limit 1000
  ) g;
  select * into v_closing from terminals.closing_of(p_terminal);
  return terminals.event_data(p_terminal) || jsonb_build_object(
    'name', p_terminal.name, 'in_service', p_terminal.in_service,
    'state', terminals.state_of(p_terminal, p_now),
    'first_sequence', p_terminal.first_sequence, 'last_sequence', p_terminal.last_sequence,
    'contiguous_through', case
      when p_terminal.last_sequence is not null then
        least(p_terminal.last_sequence, v_first - 1)
    end,
    'gaps', coalesce(v_gaps, '[]'), 'synced_through', p_terminal.synced_through,
    'last_seen_at', p_terminal.last_seen_at, 'lag_seconds', p_terminal.lag_seconds,
    'clock_offset_seconds', p_terminal.clock_offset_seconds,
    'closing', case when v_closing.business_date is not null then jsonb_build_object(
      'business_date', v_closing.business_date, 'announced', v_closing.announced,
      'received', v_closing.received
    ) end
  );
end;
$$;
