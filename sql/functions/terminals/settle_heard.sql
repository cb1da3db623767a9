-- Purpose: the tills of a batch that did not simply go on: gaps open, shrink and close, and what is
--   told of their state changes.
-- Takes: p_odd: [{terminal, epoch, before (its last number), has_gaps}]; places to look at.
create or replace function terminals.settle_heard(
  p_cell integer, p_receipts pos.asked_receipt[], p_odd jsonb, p_places integer[],
  p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_heard record;
  v_terminal pos.terminal;
  v_got int8multirange;
  v_begin bigint;
  v_news events.new_event[];
begin
  for v_heard in
    select h.*
    from jsonb_to_recordset(p_odd) as h (
      terminal text, epoch integer, before bigint, has_gaps boolean
    )
    where h.has_gaps
    order by h.terminal, h.epoch
  loop
    select t.* into v_terminal
    from pos.terminal t
    where t.cell_id = p_cell and t.terminal = v_heard.terminal and t.epoch = v_heard.epoch;
    select range_agg(int8range(r.sequence, r.sequence, '[]')) into v_got
    from unnest(p_receipts) r
    where r.terminal = v_heard.terminal and r.epoch = v_heard.epoch
      and r.code not in ('unknown_terminal', 'forbidden_location', 'seen', 'duplicate', 'conflict');
    perform terminals.fill_gaps(p_cell, v_terminal, v_got, p_now);
    v_begin := greatest(v_heard.before + 1, v_terminal.first_sequence);
    v_news := v_news || terminals.open_gaps(p_cell, v_terminal, int8multirange(
      int8range(v_begin, greatest(v_begin, v_terminal.last_sequence + 1))
    ) - v_got, p_now);
  end loop;
  return v_news || terminals.tell_states(p_cell, array(
    select h.terminal from jsonb_to_recordset(p_odd) as h (terminal text)
  ), p_now, p_places);
end;
$$;
