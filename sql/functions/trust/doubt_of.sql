-- Purpose: why the book of one item at one place may be wrong now: a till of the place is silent (and
--   what it may have sold since), too much that was sold there is no known item, goods were not found
--   in the last 30 days. One row, always. All reads and holds ask it, so that what is shown is what
--   can be held.
-- Inlined into its caller's plan (no definer rights, no settings). The places in doubt are read once a
--   statement, from an index that has only them: mostly none. What is seldom is a function of its own.
create or replace function trust.doubt_of(
  p_cell integer, p_location_id integer, p_sku_id integer, p_not_found_at timestamptz[],
  p_now timestamptz
)
returns table (
  stale boolean, uncertain boolean, stale_buffer bigint, not_found integer
)
language sql
stable
as $$
  select
    p.stale_since is not null,
    p.stale_since is not null or coalesce(p.doubtful, false),
    case
      when p.stale_since is null then 0
      else trust.stale_buffer(p_cell, p_location_id, p_sku_id, p.stale_since, p_now)
    end,
    case when p_not_found_at is null then 0 else trust.not_founds(p_not_found_at, p_now) end
  from (values (1)) one (one)
  left join (
    select y.location_id, y.stale_since, y.doubtful
    from stock.place_sync y
    where y.cell_id = p_cell and (y.stale_since is not null or y.doubtful)
    offset 0
  ) p on p.location_id = p_location_id
$$;
