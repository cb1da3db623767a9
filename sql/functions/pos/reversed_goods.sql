-- Purpose: the movements that take back those of a receipt, as far as nothing took them back before.
--   Units that have since moved on from quarantine, which cannot go below zero, are taken from
--   sellable. p_pending: goods that are to be posted before these, in one call.
create or replace function pos.reversed_goods(
  p_cell integer, p_target uuid, p_void pos.asked_receipt, p_pending stock.goods_change[]
)
returns stock.goods_change[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select array_agg((
      r.location_id, r.sku_id, r.taken_from, r.from_account, r.quantity, 'void', p_void.occurred_at,
      p_void.receipt_id, 'pos', null, p_void.terminal || '/' || p_void.sequence, p_void.client_id,
      r.ledger_sequence
    )::stock.goods_change order by r.location_id, r.sku_id, r.ledger_sequence desc)
    from (
      select
        e.*, case
          when e.to_account = 'quarantine'
            -- what left it for this receipt comes back to it first
            and e.units_so_far > e.units_given_back
              + pos.in_quarantine(p_cell, e.location_id, e.sku_id, p_pending)
            then 'sellable'
          else e.to_account
        end as taken_from
      from (
        select
          g.*,
          sum(g.quantity) over (
            partition by g.location_id, g.sku_id, g.to_account order by g.ledger_sequence
          ) as units_so_far,
          coalesce(sum(g.quantity) filter (where g.from_account = 'quarantine') over (
            partition by g.location_id, g.sku_id
          ), 0) as units_given_back
        from pos.entries_of(p_cell, p_target, p_pending) g
      ) e
    ) r
    where r.taken_from <> r.from_account
  );
end;
$$;
