-- Purpose: judges counted lines against what is known now (domain §1.3): expected is the sum of the
--   entries on sellable that had occurred by the moment of counting, so it is the book less what
--   occurred since. Of several lines of one level each sees what the ones before it found; a
--   variance before a count that is posted already is trued up against that one, and is gone there.
-- The ledger is read only where something occurred after the counting, and no further back than
--   such an entry can have been recorded. The levels are locked by the caller.
create or replace function trust.judge_counts(p_cell integer, p_lines stock.counted_line[])
returns trust.judged_count[]
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
      j.line, j.location_id, j.sku_id, j.counted, j.counted_at, j.document_id, j.provisional,
      j.reason, j.client_id, j.counted - j.variance, j.variance, j.next_at, j.next_document,
      j.sellable + j.counted - j.base, j.next_at is null and not j.missed_since, j.is_last
    )::trust.judged_count order by j.line)
    from (
      select
        b.*, b.counted - b.base - coalesce(lag(b.counted - b.base) over (
          partition by b.location_id, b.sku_id, b.next_at order by b.counted_at, b.line
        ), 0) as variance,
        row_number() over (
          partition by b.location_id, b.sku_id order by b.counted_at desc, b.line desc
        ) = 1 as is_last
      from (
        select
          l.*, l.ordinality::integer as line, s.sellable, n.counted_at as next_at,
          n.document_id as next_document,
          coalesce(l.counted_at < any (s.not_found_at), false) as missed_since,
          s.sellable - case
            when s.last_moved_at > l.counted_at then trust.moved_after(
              p_cell, l.location_id, l.sku_id, l.counted_at, s.moved_ahead
            )
            else 0
          end as base
        from unnest(p_lines) with ordinality l
        cross join lateral (
          select v.sellable, v.last_moved_at, v.moved_ahead, v.last_counted_at, v.not_found_at
          from stock.stock_level v
          where v.cell_id = p_cell and v.location_id = l.location_id and v.sku_id = l.sku_id
          limit 1
        ) s
        left join lateral (
          select c.counted_at, c.document_id
          from stock.stock_count c
          where s.last_counted_at > l.counted_at and c.cell_id = p_cell
            and c.location_id = l.location_id and c.sku_id = l.sku_id
            and c.counted_at > l.counted_at
          order by c.counted_at, c.document_id
          limit 1
        ) n on true
      ) b
    ) j
  );
end;
$$;
