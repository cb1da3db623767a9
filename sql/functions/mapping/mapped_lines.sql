-- Purpose: unmapped lines whose code or item number somebody has made known, of the next codes after
--   the one given, in their order. Walks from code to code (few), not from line to line (many).
-- Returns: up to p_most lines, and the code to go on from; null: there are no more.
create or replace function mapping.mapped_lines(
  p_cell integer, p_after text, p_most integer, out exception_ids uuid[], out last_code text
)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_codes text[];
begin
  with recursive step as (
    select mapping.next_code(p_cell, coalesce(p_after, '')) as code, 1 as number
    union all
    select mapping.next_code(p_cell, s.code), s.number + 1
    from step s
    where s.code is not null and s.number < 10000
  )
  select
    array_agg(s.code order by s.code) filter (
      where exists (select 1 from catalog.barcode b where b.gtin = s.code)
        or exists (select 1 from catalog.item i where i.sku = s.code)
    ),
    case when not bool_or(s.code is null) then max(s.code) end
  into v_codes, last_code
  from step s;

  exception_ids := array(
    select x.exception_id
    from unnest(v_codes || mapping.known_skus(p_cell)) c (code)
    cross join lateral (
      select e.exception_id, e.code, e.sku, e.quantity
      from pos.exception e
      where e.cell_id = p_cell and e.kind = 'unmapped' and e.state = 'open'
        and coalesce(e.code, e.sku) = c.code
      union
      select e.exception_id, e.code, e.sku, e.quantity
      from pos.exception e
      where e.cell_id = p_cell and e.kind = 'unmapped' and e.state = 'open' and e.sku = c.code
    ) x
    where mapping.is_known(x.code, x.sku, x.quantity)
    limit p_most
  );
end;
$$;
