-- Purpose: first step of every change of reservations: locks them by id, then the stock levels
--   that their open claims stand on (and p_more levels) by (location, sku).
-- Returns: the time that counts: never before the last change of a locked level. A command that
--   waited for a lock must not see a hold as alive which the winner already saw as ended.
create or replace function reservations.lock_reservations(
  p_cell integer, p_reservation_ids uuid[], p_more reservations.hold_line[], p_now timestamptz
)
returns timestamptz
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_changed_at timestamptz;
begin
  perform 1
  from reservations.reservation r
  where r.cell_id = p_cell and r.reservation_id = any (p_reservation_ids)
  order by r.reservation_id
  for update of r;

  perform stock.lock_levels(
    p_cell, p_now, array_agg(w.location_id), array_agg(w.sku_id), null
  )
  from (
    select c.location_id, c.sku_id
    from stock.claim c
    where c.cell_id = p_cell and c.holder_id = any (p_reservation_ids)
    union
    select m.location_id, m.sku_id from unnest(p_more) m
  ) w;

  select max(s.changed_at)
  into v_changed_at
  from stock.claim c
  cross join lateral (
    select v.changed_at
    from stock.stock_level v
    where v.cell_id = p_cell and v.location_id = c.location_id and v.sku_id = c.sku_id
    limit 1
  ) s
  where c.cell_id = p_cell and c.holder_id = any (p_reservation_ids);
  return greatest(p_now, v_changed_at);
end;
$$;
