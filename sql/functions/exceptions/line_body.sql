-- Purpose: one line of a kept receipt as the till said it; the whole receipt if there is no such line.
--   Pure.
create or replace function exceptions.line_body(p_body jsonb, p_line integer)
returns jsonb
language sql
immutable
parallel safe
as $$
  select coalesce((
    select e.line
    from jsonb_array_elements(p_body -> 'lines') e (line)
    where (e.line ->> 'line')::integer = p_line
    limit 1
  ), p_body)
$$;
