-- Purpose: one command of record_closings. A day that the place's calendar does not know yet by
--   tomorrow is refused: it would hide every day before it.
create or replace function terminals.close_day(
  p_cell integer, p_terminal pos.terminal, p_closing pos.closing, p_now timestamptz
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_before pos.closing;
begin
  if p_terminal.terminal is null then
    return '{"code": "not_found"}';
  end if;
  if p_closing.business_date > (
    select (p_now at time zone l.time_zone)::date + 1
    from locations.location l
    where l.location_id = p_terminal.location_id
  ) then
    return '{"code": "in_the_future"}';
  end if;
  select c.* into v_before
  from pos.closing c
  where c.cell_id = p_cell and c.terminal = p_terminal.terminal and c.epoch = p_terminal.epoch
    and c.business_date = p_closing.business_date;
  if v_before.terminal is null or (v_before.receipts, v_before.last_sequence)
      is distinct from (p_closing.receipts, p_closing.last_sequence) then
    insert into pos.closing (
      cell_id, terminal, epoch, business_date, receipts, last_sequence, recorded_at, client_id
    ) values (
      p_cell, p_terminal.terminal, p_terminal.epoch, p_closing.business_date, p_closing.receipts,
      p_closing.last_sequence, p_now, p_closing.client_id
    )
    on conflict on constraint closing_pkey do update
    set
      receipts = excluded.receipts, last_sequence = excluded.last_sequence,
      recorded_at = excluded.recorded_at, client_id = excluded.client_id;
  else
    v_before := null;
  end if;
  p_terminal := terminals.hear(p_cell, p_terminal, null, p_closing.last_sequence, p_now);
  return jsonb_build_object(
    'code', 'recorded', 'terminal', terminals.terminal_body(p_terminal, p_now),
    'replaced', case when v_before.terminal is not null then jsonb_build_object(
      'receipts', v_before.receipts, 'last_sequence', v_before.last_sequence
    ) end
  );
end;
$$;
