-- Purpose: the outcome of a command whose key came twice in one batch: what the first one got.
create or replace function web.twin_outcome(p_twin jsonb, p_outcomes jsonb[])
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when (p_twin ->> 'same')::boolean
      then p_outcomes[(p_twin ->> 'of')::integer] || '{"replayed": true}'::jsonb
    else '{"code": "idempotency_key_reused"}'::jsonb
  end
$$;
