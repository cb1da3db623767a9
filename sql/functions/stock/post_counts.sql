-- Purpose: posts counted lines: each variance goes to or comes from shrink at the moment of counting,
--   what was recorded meanwhile stays (domain §1.3). The newest line of a level also writes off what
--   was missing (a found unit shows up as variance, §2.5), thaws it and closes its task, unless it is
--   older than another count or than a not-found. A line equal to the book writes no ledger entry.
-- Takes: lines of any order; those that say the same moment, item, place and document twice are two
--   counts, the later one stands.
-- The caller has locked the levels (stock.lock_levels, made where missing) and passes the events on
--   to events.write_events as its last step.
-- Returns: what each line was expected to be and its variance, by its position in p_lines.
create or replace function stock.post_counts(
  p_cell integer, p_lines stock.counted_line[], p_now timestamptz,
  out v_expected bigint[], out v_variance bigint[], out v_events events.new_event[]
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
  v_counts trust.judged_count[] := trust.judge_counts(p_cell, p_lines);
  v_goods stock.goods_change[] := trust.goods_of_counts(p_cell, v_counts);
begin
  select array_agg(c.expected order by c.line), array_agg(c.variance order by c.line)
  into v_expected, v_variance
  from unnest(v_counts) c;
  perform trust.settle_tasks(p_cell, v_counts, p_now);

  update stock.stock_level s
  set last_counted_at = greatest(s.last_counted_at, c.counted_at),
    frozen_reason = case
      when not c.settles then s.frozen_reason
      when s.sellable < 0 and c.sellable_after < 0 then 'negative_stock'
    end
  from (
    -- the cell comes with each row, so that levels can only be looked up by key
    select p_cell as cell_id, u.* from unnest(v_counts) u where u.is_last offset 0
  ) c
  where s.cell_id = c.cell_id and s.location_id = c.location_id and s.sku_id = c.sku_id;

  insert into stock.stock_count (
    cell_id, location_id, sku_id, counted_at, document_id, counted, expected, provisional,
    recorded_at, client_id
  )
  select distinct on (c.location_id, c.sku_id, c.counted_at, c.document_id)
    p_cell, c.location_id, c.sku_id, c.counted_at, c.document_id, c.counted, c.expected,
    coalesce(c.provisional, false), p_now, c.client_id
  from unnest(v_counts) c
  order by c.location_id, c.sku_id, c.counted_at, c.document_id, c.line desc
  on conflict on constraint stock_count_pkey do update
  set counted = excluded.counted, expected = excluded.expected, recorded_at = excluded.recorded_at;

  v_events := stock.post(p_cell, p_now, 'stock.counted', v_goods, null) || (
    select stock.touch_levels(p_cell, p_now, 'stock.counted', array_agg(c.location_id),
      array_agg(c.sku_id), array_agg(c.client_id))
    from unnest(v_counts) c
    where c.is_last and not exists (
      select 1 from unnest(v_goods) g where g.location_id = c.location_id and g.sku_id = c.sku_id
    )
  );
end;
$$;
