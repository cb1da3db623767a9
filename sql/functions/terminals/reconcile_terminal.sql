-- Purpose: a till's line in the reconciliation of one day: as the API tells it, what came that day,
--   and the Z-count of that day beside it.
create or replace function terminals.reconcile_terminal(
  p_terminal pos.terminal, p_date date, p_now timestamptz
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_day pos.terminal_day;
  v_closing record;
begin
  select d.* into v_day
  from pos.terminal_day d
  where d.cell_id = p_terminal.cell_id and d.terminal = p_terminal.terminal
    and d.epoch = p_terminal.epoch and d.business_date = p_date;
  select * into v_closing from terminals.closing_of(p_terminal, p_date);
  return terminals.terminal_body(p_terminal, p_now) || jsonb_build_object(
    'receipts', coalesce(v_day.receipts, 0), 'units', coalesce(v_day.units, 0),
    'unmapped_units', coalesce(v_day.unmapped_units, 0), 'lag_seconds_max', v_day.lag_seconds_max,
    'closing', case when v_closing.business_date = p_date then jsonb_build_object(
      'business_date', p_date, 'announced', v_closing.announced, 'received', v_closing.received
    ) end
  );
end;
$$;
