-- Purpose: the event of another receipt that came under a taken number: on the first one's subject.
create or replace function pos.tell_conflicts(
  p_cell integer, p_receipts pos.asked_receipt[], p_commands integer[]
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_events events.new_event[];
  v_receipt pos.asked_receipt;
  v_command integer;
  v_version bigint;
begin
  foreach v_command in array p_commands loop
    v_receipt := p_receipts[v_command];
    continue when v_receipt.code <> 'conflict';
    update pos.receipt r
    set version = r.version + 1
    where r.cell_id = p_cell and r.receipt_id = v_receipt.receipt_id
    returning r.version into v_version;
    v_events := v_events || (
      v_receipt.occurred_at, 'pos.conflict', 'receipt/' || v_receipt.receipt_id, v_version,
      v_receipt.client_id, pos.receipt_data(v_receipt, 'conflict', null)
    )::events.new_event;
  end loop;
  return v_events;
end;
$$;
