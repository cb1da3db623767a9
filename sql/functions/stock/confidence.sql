-- Purpose: how far the book is to be believed (domain §1.6): 1 less 0.05 a whole week since the
--   item was last verified (0.4 at most), 0.2 a not-found of the last 30 days, 0.3 if negative,
--   0.1 if a till of the place is stale. Whole weeks, so that the same question keeps its ETag. Pure.
create or replace function stock.confidence(
  p_verified_at timestamptz, p_sellable bigint, p_not_found integer, p_stale boolean,
  p_now timestamptz
)
returns double precision
language sql
immutable
parallel safe
as $$
  select round(
    greatest(
      0,
      1
      - least(
        0.4,
        0.05 * floor(greatest(0, coalesce(extract(epoch from p_now - p_verified_at), 0)) / 604800)
      )
      - 0.2 * p_not_found
      - case when p_sellable < 0 then 0.3 else 0 end
      - case when p_stale then 0.1 else 0 end
    ),
    2
  )::double precision
$$;
