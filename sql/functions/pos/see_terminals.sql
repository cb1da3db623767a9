-- Purpose: how far each terminal of a batch has come, and that it was heard of.
create or replace function pos.see_terminals(
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
  update pos.terminal t
  set
    first_sequence = coalesce(t.first_sequence, w.lowest),
    last_sequence = greatest(t.last_sequence, w.highest), last_seen_at = p_now
  from (
    select p_cell as cell_id, r.terminal, r.epoch, min(r.sequence) as lowest, max(r.sequence) as highest
    from unnest(p_receipts) r
    where r.code not in ('unknown_terminal', 'forbidden_location')
    group by r.terminal, r.epoch
  ) w
  where t.cell_id = w.cell_id and t.terminal = w.terminal and t.epoch = w.epoch;
end;
$$;
