-- Purpose: item numbers that unmapped lines name beside a code that nobody knows, and that there are now.
create or replace function mapping.known_skus(p_cell integer)
returns text[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    with recursive step as (
      select (
        select min(x.sku)
        from pos.exception x
        where x.cell_id = p_cell and x.kind = 'unmapped' and x.state = 'open'
          and x.sku is not null
      ) as sku, 1 as number
      union all
      select (
        select min(x.sku)
        from pos.exception x
        where x.cell_id = p_cell and x.kind = 'unmapped' and x.state = 'open'
          and x.sku is not null and x.sku > s.sku
      ), s.number + 1
      from step s
      where s.sku is not null and s.number < 10000
    )
    select array_agg(s.sku)
    from step s
    where exists (select 1 from catalog.item i where i.sku = s.sku)
  );
end;
$$;
