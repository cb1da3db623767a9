-- Purpose: what the book had on the ready shelf of each counted line's item at its moment, as known now.
--   Returns one number a line, in order.
create or replace function trust.staged_at(p_cell integer, p_lines stock.counted_line[])
returns bigint[]
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
    select array_agg(coalesce((
      select sum(case e.to_account when 'staged' then e.quantity else -e.quantity end)
      from stock.ledger_entry e
      where e.cell_id = p_cell and e.location_id = u.location_id and e.sku_id = u.sku_id
        and 'staged' in (e.from_account, e.to_account) and e.occurred_at <= u.counted_at
    ), 0)::bigint order by u.ordinality)
    from unnest(p_lines) with ordinality u
  );
end;
$$;
