-- Purpose: blanks the marks of what extend_reservation is about to do, so that change_outcomes
--   tells those as they stand afterwards. Pure.
create or replace function reservations.without_extended(p_before jsonb[])
returns jsonb[]
language sql
immutable
set search_path = ''
as $$
  select array_agg(case when b.outcome ? 'extend' then null else b.outcome end order by b.ordinality)
  from unnest(p_before) with ordinality b (outcome, ordinality)
$$;
