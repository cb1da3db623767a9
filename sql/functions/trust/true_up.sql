-- Purpose: the slow path of stock.post, taken where something occurred before a level was last
--   counted, or so near to it that nobody can say which came first. What occurred before a count that
--   is posted already was not on the shelf any more when it was counted: it gets an opposite
--   count_trueup against the first count after it, in that count's document and at its moment, so
--   that the book stays and shrink is put right (domain §1.3).
-- Within two minutes of a count the order is anybody's guess: the entry says so (unless it has a
--   reason of its own), and a task asks for another count. What the service's own clock timed is sure.
-- p_versions are the levels' versions, one a change.
-- Returns: both, with the true-ups at the end.
create or replace function trust.true_up(
  p_cell integer, p_now timestamptz, inout p_goods stock.goods_change[], inout p_versions bigint[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_locations integer[];
  v_skus integer[];
begin
  with entry as (
    select
      g.*, p_versions[g.ordinality] as version, a.counted_at, a.document_id as count_id,
      g.occurred_at <> p_now and coalesce(
        least(a.counted_at - g.occurred_at, g.occurred_at - b.counted_at) <= interval '2 minutes',
        false
      ) as is_ambiguous
    from unnest(p_goods) with ordinality g
    left join lateral (
      select c.counted_at, c.document_id
      from stock.stock_count c
      where 'sellable' in (g.from_account, g.to_account) and g.kind not in ('count', 'count_trueup')
        and c.cell_id = p_cell and c.location_id = g.location_id and c.sku_id = g.sku_id
        and c.counted_at >= g.occurred_at
      order by c.counted_at, c.document_id
      limit 1
    ) a on true
    left join lateral (
      select c.counted_at
      from stock.stock_count c
      where 'sellable' in (g.from_account, g.to_account) and g.kind not in ('count', 'count_trueup')
        and c.cell_id = p_cell and c.location_id = g.location_id and c.sku_id = g.sku_id
        and c.counted_at < g.occurred_at
      order by c.counted_at desc
      limit 1
    ) b on true
  ), told as (
    select
      e.*, coalesce(e.reason, case when e.is_ambiguous then 'ambiguous_count' end) as why
    from entry e
  ), change as (
    select e.ordinality, 1 as part, e.version, e.is_ambiguous, (
      e.location_id, e.sku_id, e.from_account, e.to_account, e.quantity, e.kind, e.occurred_at,
      e.document_id, e.source, e.why, e.reference, e.client_id, e.reverses
    )::stock.goods_change as goods
    from told e
    union all
    select e.ordinality, 2, e.version, false, (
      e.location_id, e.sku_id,
      case when e.to_account = 'sellable' then 'sellable' else 'shrink' end,
      case when e.to_account = 'sellable' then 'shrink' else 'sellable' end,
      e.quantity, 'count_trueup', e.counted_at, e.count_id, e.source, e.why, e.reference,
      e.client_id, null
    )::stock.goods_change
    from told e
    where e.counted_at is not null
  )
  select array_agg(c.goods order by c.part, c.ordinality),
    array_agg(c.version order by c.part, c.ordinality),
    array_agg((c.goods).location_id) filter (where c.is_ambiguous),
    array_agg((c.goods).sku_id) filter (where c.is_ambiguous)
  into p_goods, p_versions, v_locations, v_skus
  from change c;
  perform trust.open_tasks(p_cell, p_now, 'ambiguous', v_locations, v_skus);
end;
$$;
