-- Purpose: the movements that take back those of a receipt.
create or replace function pos.reversed_goods(
  p_cell integer, p_target uuid, p_void pos.asked_receipt
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
      e.location_id, e.sku_id,
      case
        when e.to_account = 'quarantine' and e.units_so_far > e.quarantine then 'sellable'
        else e.to_account
      end,
      e.from_account, e.quantity, 'void', p_void.occurred_at, p_void.receipt_id, 'pos', null,
      p_void.terminal || '/' || p_void.sequence, p_void.client_id, e.ledger_sequence
    )::stock.goods_change order by e.location_id, e.sku_id, e.ledger_sequence desc)
    from (
      select
        g.*, s.quarantine, sum(g.quantity) over (
          partition by g.location_id, g.sku_id, g.to_account order by g.ledger_sequence
        ) as units_so_far
      from stock.ledger_entry g
      cross join lateral (
        select v.quarantine
        from stock.stock_level v
        where v.cell_id = p_cell and v.location_id = g.location_id and v.sku_id = g.sku_id
        limit 1
      ) s
      where g.cell_id = p_cell and g.document_id = p_target
    ) e
  );
end;
$$;
