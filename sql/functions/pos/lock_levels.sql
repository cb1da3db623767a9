-- Purpose: makes the missing stock levels of a batch and locks all it will move, in one order:
--   those of its lines, and those that the receipts moved which it voids.
create or replace function pos.lock_levels(
  p_cell integer, p_receipts pos.asked_receipt[], p_lines pos.asked_line[], p_now timestamptz
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
declare
  v_locations integer[];
  v_skus integer[];
begin
  select array_agg(w.location_id), array_agg(w.sku_id)
  into v_locations, v_skus
  from (
    select distinct u.location_id, u.sku_id
    from unnest(p_lines) u
    where u.tracked
    union
    select g.location_id, g.sku_id
    from unnest(p_receipts) v
    cross join lateral pos.find_receipt(p_cell, v.void_terminal, v.void_sequence) f
    cross join lateral (
      select e.location_id, e.sku_id
      from stock.ledger_entry e
      where e.cell_id = p_cell and e.document_id = f.receipt_id
      offset 0
    ) g
    where v.code = 'void'
  ) w;

  -- one look-up by key a level, in order, whatever the planner believes of a fresh table
  insert into stock.stock_level (cell_id, location_id, sku_id, changed_at)
  select p_cell, w.location_id, w.sku_id, p_now
  from unnest(v_locations, v_skus) w (location_id, sku_id)
  left join lateral (
    select true as there
    from stock.stock_level s
    where s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id
    limit 1
  ) k on true
  where k.there is null
  order by w.location_id, w.sku_id
  on conflict on constraint stock_level_pkey do nothing;

  perform 1
  from (
    select w.location_id, w.sku_id
    from unnest(v_locations, v_skus) w (location_id, sku_id)
    order by w.location_id, w.sku_id
    offset 0
  ) w
  cross join lateral (
    select s.version
    from stock.stock_level s
    where s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id
    order by s.location_id, s.sku_id
    for update
  ) l;
end;
$$;
