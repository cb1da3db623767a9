-- Purpose: keeps the receipts that a batch posted, held or ignored. A receipt that was held and is
--   accepted now is kept already and changes its state. The till's own time is kept, and by how much
--   its clock was wrong.
create or replace function pos.write_receipts(
  p_cell integer, p_receipts pos.asked_receipt[], p_codes text[], p_problems jsonb[],
  p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pos.receipt (
    cell_id, receipt_id, terminal, epoch, sequence, location_id, kind, status, occurred_at,
    recorded_at, fingerprint, client_id, order_reference, customer, void_terminal, void_sequence,
    version, body, problems, clock_offset_seconds
  )
  select
    p_cell, r.receipt_id, r.terminal, r.epoch, r.sequence, r.location_id, r.kind,
    p_codes[r.command], case
      when r.clock_offset_seconds is null then r.occurred_at
      else (r.body ->> 'occurred_at')::timestamptz
    end, p_now, r.fingerprint, r.client_id, r.body ->> 'order',
    r.body ->> 'customer', r.void_terminal, r.void_sequence,
    r.version + case when p_codes[r.command] = 'partly_posted' then 2 else 1 end, r.body,
    coalesce(p_problems[r.command], '[]'), r.clock_offset_seconds
  from unnest(p_receipts) r
  where r.code in ('posted', 'held_for_review', 'ignored')
  on conflict on constraint receipt_pkey do update
  set status = excluded.status, problems = excluded.problems, version = excluded.version;

end;
$$;
