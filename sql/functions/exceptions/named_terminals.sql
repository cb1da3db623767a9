-- Purpose: whose receipts a kept receipt (or a line of one) speaks of: its own terminal, the one it voids, those whose
--   sales it returns. Pure.
create or replace function exceptions.named_terminals(p_terminal text, p_body jsonb)
returns setof text
language sql
immutable
set search_path = ''
as $$
  select p_terminal
  union
  select n.value #>> '{}'
  from jsonb_path_query(p_body, '$.voids.terminal') n (value)
  union
  select n.value #>> '{}'
  from jsonb_path_query(p_body, '$.lines[*].sale.terminal') n (value)
  union
  select n.value #>> '{}'
  from jsonb_path_query(p_body, '$.sale.terminal') n (value)
$$;
