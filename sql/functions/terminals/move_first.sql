-- Purpose: a till's count begins elsewhere now: below it nothing is missing any more, and what is
--   missing above it is a gap. Hardly ever asked for, so all its numbers are looked at.
create or replace function terminals.move_first(
  p_cell integer, p_before bigint, p_terminal pos.terminal, p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_first bigint := p_terminal.first_sequence;
begin
  delete from pos.exception x
  where x.cell_id = p_cell and x.terminal = p_terminal.terminal and x.epoch = p_terminal.epoch
    and x.kind = 'gap' and x.state = 'open' and x.sequence + x.quantity <= v_first;
  update pos.exception x
  set
    sequence = v_first, quantity = x.sequence + x.quantity - v_first,
    body = jsonb_build_object('first', v_first, 'last', x.sequence + x.quantity - 1)
  where x.cell_id = p_cell and x.terminal = p_terminal.terminal and x.epoch = p_terminal.epoch
    and x.kind = 'gap' and x.state = 'open' and x.sequence < v_first;
  if p_terminal.last_sequence is null or v_first > p_before then
    return null;
  end if;
  return terminals.open_gaps(p_cell, p_terminal, int8multirange(int8range(v_first, p_before))
    - coalesce((
      select range_agg(int8range(r.sequence, r.sequence, '[]'))
      from pos.receipt r
      where r.cell_id = p_cell and r.terminal = p_terminal.terminal
        and r.epoch = p_terminal.epoch and r.sequence >= v_first and r.sequence < p_before
    ), '{}')
    - int8multirange(int8range(greatest(v_first, p_terminal.last_sequence + 1), null)), p_now);
end;
$$;
