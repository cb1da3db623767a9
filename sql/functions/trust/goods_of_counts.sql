-- Purpose: the movements that judged counts make: the variance at the moment of counting; against a
--   later count that is posted already its true-up; and of the newest line what was missing, written
--   off.
create or replace function trust.goods_of_counts(p_cell integer, p_counts trust.judged_count[])
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
      c.location_id, c.sku_id,
      case when g.quantity > 0 then g.from_account else g.to_account end,
      case when g.quantity > 0 then g.to_account else g.from_account end,
      abs(g.quantity), g.kind, g.occurred_at, g.document_id, 'count', c.reason, null, c.client_id,
      null
    )::stock.goods_change order by c.location_id, c.sku_id, c.counted_at, c.line, g.part)
    from unnest(p_counts) c
    left join lateral (
      select s.missing
      from stock.stock_level s
      where c.is_last and c.settles
        and s.cell_id = p_cell and s.location_id = c.location_id and s.sku_id = c.sku_id
      limit 1
    ) m on true
    cross join lateral (
      values
      (1, 'count', 'shrink', 'sellable', c.variance, c.counted_at, c.document_id),
      (
        2, 'count_trueup', 'sellable', 'shrink', case when c.next_at is not null then c.variance end,
        c.next_at, c.next_document
      ),
      (3, 'written_off', 'missing', 'shrink', m.missing, c.counted_at, c.document_id)
    ) g (part, kind, from_account, to_account, quantity, occurred_at, document_id)
    where g.quantity <> 0
  );
end;
$$;
