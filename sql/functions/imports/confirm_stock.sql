-- Purpose: remembers lines that found the book right as counts of this moment, without news. A level
--   with something still to come by a till's clock is left out: its book is not what is on the shelf.
create or replace function imports.confirm_stock(
  p_cell integer, p_lines stock.asked_count[], p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  insert into stock.stock_count (
    cell_id, location_id, sku_id, counted_at, document_id, counted, expected, recorded_at, client_id
  )
  select p_cell, u.location_id, u.sku_id, p_now, u.document_id, s.sellable, s.sellable, p_now,
    u.client_id
  from unnest(p_lines) u
  cross join lateral (
    select v.sellable
    from stock.stock_level v
    where v.cell_id = p_cell and v.location_id = u.location_id and v.sku_id = u.sku_id
      and coalesce(v.last_moved_at, '-infinity') <= p_now
    limit 1
  ) s
  on conflict on constraint stock_count_pkey do nothing;

  update stock.stock_level s
  set last_counted_at = p_now
  from (select p_cell as cell_id, l.* from unnest(p_lines) l offset 0) u
  where s.cell_id = u.cell_id and s.location_id = u.location_id and s.sku_id = u.sku_id
    and coalesce(s.last_moved_at, '-infinity') <= p_now;
end;
$$;
