-- Purpose: a kept receipt as one that is asked to be posted now, with the time at which it happened by
--   our clock; review has spoken. p_codes are its lines' barcodes with 14 digits.
create or replace function exceptions.kept_receipt(p_cell integer, p_receipt_id uuid, p_codes jsonb)
returns pos.asked_receipt
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_asked pos.asked_receipt;
begin
  select
    1, r.receipt_id, r.client_id, r.terminal, r.epoch, r.sequence, r.location_id, l.location,
    case when l.kind = 'webshop' then 'web' else 'pos' end, r.kind,
    pos.effective_at(r.occurred_at, r.clock_offset_seconds, r.recorded_at), r.fingerprint,
    r.void_terminal, r.void_sequence, case when r.kind = 'void' then 'void' else 'posted' end,
    null, null, r.version, null, p_codes, r.body, r.clock_offset_seconds
  into v_asked
  from pos.receipt r
  join locations.location l on l.location_id = r.location_id
  where r.cell_id = p_cell and r.receipt_id = p_receipt_id;
  return v_asked;
end;
$$;
