-- Purpose: the outcomes of a batch in which a key's second use gets what its first use got.
create or replace function web.settle_twins(p_outcomes jsonb[])
returns jsonb[]
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select array_agg(
      case
        when o.outcome ->> 'code' = 'twin' then web.twin_outcome(o.outcome, p_outcomes)
        else o.outcome
      end
      order by o.ordinality
    )
    from unnest(p_outcomes) with ordinality o (outcome, ordinality)
  );
end;
$$;
