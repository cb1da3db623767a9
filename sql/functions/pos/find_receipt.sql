-- Purpose: the receipt that a void or a returned line names: of the newest life of that terminal
--   that has this number.
create or replace function pos.find_receipt(
  p_cell integer, p_terminal text, p_sequence bigint,
  out receipt_id uuid, out status text, out kind text, out voided_by uuid
)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  select r.receipt_id, r.status, r.kind, r.voided_by
  into receipt_id, status, kind, voided_by
  from pos.receipt r
  where r.cell_id = p_cell and r.terminal = p_terminal and r.sequence = p_sequence
  order by r.epoch desc
  limit 1;
end;
$$;
