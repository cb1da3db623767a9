-- Purpose: the next code (or item number) after one that unmapped lines wait for.
create or replace function mapping.next_code(p_cell integer, p_after text)
returns text
language sql
stable
set search_path = ''
as $$
  select coalesce(x.code, x.sku)
  from pos.exception x
  where x.cell_id = p_cell and x.kind = 'unmapped' and x.state = 'open'
    and coalesce(x.code, x.sku) > p_after
  order by coalesce(x.code, x.sku)
  limit 1
$$;
