-- Purpose: one outcome a command from the results of its entries; what was decided before is told
--   again, and a key's second use within the batch gets what the first got.
create or replace function stock.gather_results(
  p_entries stock.asked_movement[], p_results jsonb[], p_seen jsonb[]
)
returns jsonb[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_outcomes jsonb[];
begin
  select array_agg(
    coalesce(s.seen, jsonb_build_object('code', 'recorded', 'results', coalesce(r.results, '[]')))
    order by s.ordinality
  )
  into v_outcomes
  from unnest(p_seen) with ordinality s (seen, ordinality)
  left join (
    select e.command, jsonb_agg(p_results[e.ordinality] order by e.ordinality) as results
    from unnest(p_entries) with ordinality e
    group by e.command
  ) r on r.command = s.ordinality;
  return (
    select array_agg(
      case
        when o.outcome ->> 'code' = 'twin' then web.twin_outcome(o.outcome, v_outcomes)
        else o.outcome
      end
      order by o.ordinality
    )
    from unnest(v_outcomes) with ordinality o (outcome, ordinality)
  );
end;
$$;
