-- Purpose: keeps a void, as what it is found to be.
create or replace function pos.write_void(
  p_cell integer, p_void pos.asked_receipt, p_status text, p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pos.receipt (
    cell_id, receipt_id, terminal, epoch, sequence, location_id, kind, status, occurred_at,
    recorded_at, fingerprint, client_id, void_terminal, void_sequence, body, clock_offset_seconds
  ) values (
    p_cell, p_void.receipt_id, p_void.terminal, p_void.epoch, p_void.sequence,
    p_void.location_id, 'void', p_status, (p_void.body ->> 'occurred_at')::timestamptz, p_now,
    p_void.fingerprint, p_void.client_id, p_void.void_terminal, p_void.void_sequence,
    p_void.body, p_void.clock_offset_seconds
  )
  on conflict on constraint receipt_pkey do update
  set status = excluded.status, version = p_void.version + 1;
end;
$$;
