-- Purpose: one outcome a chunk from the words of its lines; what was decided before is told again.
create or replace function imports.gather_words(
  p_words text[], p_owners integer[], p_seen jsonb[]
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
    coalesce(s.seen, jsonb_build_object('code', 'imported', 'results', coalesce(r.words, '[]')))
    order by s.ordinality
  )
  into v_outcomes
  from unnest(p_seen) with ordinality s (seen, ordinality)
  left join (
    select o.owner, jsonb_agg(p_words[o.ordinality] order by o.ordinality) as words
    from unnest(p_owners) with ordinality o (owner, ordinality)
    group by o.owner
  ) r on r.owner = s.ordinality;
  return web.settle_twins(v_outcomes);
end;
$$;
