-- Purpose: what becomes of each line, by its number: its word, and the goods that it opens with or
--   the variance that it finds (neither: the book was right). A second line of the same level in a
--   batch is judged against the first. All null for a chunk that was decided before.
-- A count that finds the book right still thaws a frozen level and writes off what was missing.
create or replace function imports.decide_levels(
  p_cell integer, p_lines stock.asked_count[], p_owners integer[], p_seen jsonb[],
  out words text[], out openings bigint[], out variances bigint[]
)
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
  select
    array_agg(
      case
        when not d.is_live then null
        when d.problem is not null then d.problem
        when d.difference <> 0 or d.is_new then 'accepted'
        else 'unchanged'
      end
      order by d.command
    ),
    array_agg(case when d.is_opening then d.difference end order by d.command),
    array_agg(
      case
        when d.is_live and d.problem is null and not d.is_opening
          and (d.difference <> 0 or d.is_odd) then d.difference
      end
      order by d.command
    )
  into words, openings, variances
  from (
    select
      b.*, b.sellable - b.book as difference,
      b.is_live and b.problem is null and b.is_unmoved and b.sellable > 0 as is_opening
    from (
      select
        u.command, u.problem, u.sellable, p_seen[p_owners[u.command]] is null as is_live,
        coalesce(lag(u.sellable) over w, s.sellable) as book,
        s.first_moved_at is null and row_number() over w = 1 as is_unmoved,
        s.version = 0 and s.last_counted_at is null and row_number() over w = 1 as is_new,
        (s.frozen_reason is not null or s.missing > 0) and row_number() over w = 1 as is_odd
      from unnest(p_lines) u
      left join lateral (
        select v.sellable, v.first_moved_at, v.version, v.last_counted_at, v.frozen_reason, v.missing
        from stock.stock_level v
        where v.cell_id = p_cell and v.location_id = u.location_id and v.sku_id = u.sku_id
        limit 1
      ) s on true
      window w as (
        partition by u.problem is null and p_seen[p_owners[u.command]] is null, u.slot
        order by u.command
      )
    ) b
  ) d;
end;
$$;
