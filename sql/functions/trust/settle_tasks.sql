-- Purpose: closes the open count task of each level whose newest line answers it: counted after it
--   was asked for, or, where the level was frozen, thawed by it. What is still below zero after the
--   counting stays asked for. Called before the counts are posted.
create or replace function trust.settle_tasks(
  p_cell integer, p_counts trust.judged_count[], p_now timestamptz
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
  update stock.count_task t
  set done_at = p_now
  from (
    select p_cell as cell_id, u.*
    from unnest(p_counts) u
    where u.is_last and u.settles and u.sellable_after >= 0
    offset 0
  ) c
  where t.cell_id = c.cell_id and t.location_id = c.location_id and t.sku_id = c.sku_id
    and t.done_at is null
    and (t.reason in ('negative_stock', 'not_found') or c.counted_at >= t.opened_at);
end;
$$;
