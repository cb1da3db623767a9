-- Purpose: a void that waited is posted now, or is found to be a conflict that a person looks at.
create or replace function pos.settle_parked(
  p_cell integer, p_receipt_id uuid, p_status text, p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  update pos.receipt r
  set status = p_status, version = r.version + 1
  where r.cell_id = p_cell and r.receipt_id = p_receipt_id;

  update pos.exception x
  set
    kind = case when p_status = 'conflict' then 'conflict' else x.kind end,
    state = case when p_status = 'conflict' then 'open' else 'resolved' end,
    resolved_at = case when p_status = 'posted' then p_now end,
    resolution = case when p_status = 'posted' then '{"action": "posted"}'::jsonb end
  where x.cell_id = p_cell and x.receipt_id = p_receipt_id and x.kind = 'parked'
    and x.state = 'open';
end;
$$;
