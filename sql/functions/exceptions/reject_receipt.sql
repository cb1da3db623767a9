-- Purpose: a kept receipt is never posted: a person says so.
create or replace function exceptions.reject_receipt(
  p_cell integer, p_receipt_id uuid, p_client_id integer, p_now timestamptz
)
returns events.new_event
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_receipt pos.asked_receipt := exceptions.kept_receipt(p_cell, p_receipt_id, null);
begin
  update pos.receipt r
  set status = 'rejected', version = r.version + 1
  where r.cell_id = p_cell and r.receipt_id = p_receipt_id;
  return (
    p_now, 'pos.rejected', 'receipt/' || p_receipt_id, v_receipt.version + 1, p_client_id,
    pos.receipt_data(v_receipt, 'rejected', null)
  )::events.new_event;
end;
$$;
