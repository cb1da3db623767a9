-- Purpose: unmapped lines whose code somebody has made known, of the next codes after the one given, in
--   their order. Walks from code to code (few), not from line to line (many).
-- Returns: up to p_most lines, and the last code that was looked at with all its lines; null: no more.
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
  v_code text := coalesce(p_after, '');
  v_ids uuid[];
begin
  exception_ids := '{}';
  for v_step in 1..2000 loop
    select coalesce(x.code, x.sku) into v_code
    from pos.exception x
    where x.cell_id = p_cell and x.kind = 'unmapped' and x.state = 'open'
      and coalesce(x.code, x.sku) > v_code
    order by coalesce(x.code, x.sku)
    limit 1;
    if v_code is null then
      last_code := null;
      return;
    end if;
    v_ids := array(
      select x.exception_id
      from pos.exception x
      where x.cell_id = p_cell and x.kind = 'unmapped' and x.state = 'open'
        and coalesce(x.code, x.sku) = v_code and mapping.is_known(x.code, x.sku, x.quantity)
      order by x.recorded_at, x.exception_id
      limit p_most
    );
    exception_ids := exception_ids || v_ids;
    last_code := v_code;
    exit when cardinality(exception_ids) >= p_most;
  end loop;
end;
$$;
