-- Purpose: what was scanned, or typed, while counting; every scan is decided by itself and added to the
--   line of its item and zone. Two devices at once add up (R98).
-- Takes: commands of counts.commands.RecordScans.
-- Lock order: sessions by id.
-- Outcomes: counted (with one result a scan: counted · refused) · not_found · precondition_failed ·
--   wrong_state (with the session) · idempotency_key_reused.
--   Codes of refused scans: unknown_sku · unknown_gtin · not_stock_tracked · in_the_future · invalid_value ·
--   unknown_zone · zone_closed · not_in_this_count · below_zero, and what Python refused before.
-- Events: none.
create or replace function counts.record_scans(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  return counts.change_sessions(p_cell, 'record_scans', p_commands, coalesce(p_now, now()));
end;
$$;
