-- Purpose: a receipt that came before its terminal was known, and is taken now, needs nobody any
--   more. There are hardly ever any, so that is asked first.
create or replace function exceptions.close_unknown(
  p_cell integer, p_receipts pos.asked_receipt[], p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  if not exists (
    select 1
    from pos.exception x
    where x.cell_id = p_cell and x.receipt_id is null and x.state = 'open'
      and x.kind = 'unknown_terminal'
  ) then
    return;
  end if;
  update pos.exception x
  set
    state = 'resolved', resolved_at = p_now, receipt_id = r.receipt_id,
    resolution = '{"action": "posted"}'
  from unnest(p_receipts) r
  where x.cell_id = p_cell and x.receipt_id is null and x.state = 'open'
    and x.kind = 'unknown_terminal' and x.terminal = r.terminal and coalesce(x.epoch, 0) = 0
    and x.sequence = r.sequence
    -- kept without knowing its zone, it had another time then
    and (x.fingerprint = r.fingerprint or x.body ? 'zone')
    and r.code in ('posted', 'void', 'held_for_review', 'ignored');
end;
$$;
