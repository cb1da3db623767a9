-- Purpose: how far the book is to be believed (domain §1.6): 1 less 0.05 a whole week since the
--   item was last verified (0.4 at most), 0.2 a not-found of the last 30 days, 0.3 if negative,
--   0.1 if a till of the place is stale. Whole weeks, so that the same question keeps its ETag.
--   Counted in hundredths (integers are exact and ten times faster than numeric). Pure, inlined.
create or replace function trust.confidence(
  p_verified_at timestamptz, p_sellable bigint, p_not_found integer, p_stale boolean,
  p_now timestamptz
)
returns double precision
language sql
immutable
parallel safe
as $$
  select greatest(
    0,
    100
    - least(40, 5 * floor(greatest(0, coalesce(
      date_part('epoch', p_now - p_verified_at), 0
    )) / 604800)::integer)
    - 20 * p_not_found
    - case when p_sellable < 0 then 30 else 0 end
    - case when p_stale then 10 else 0 end
  )::double precision / 100
$$;
