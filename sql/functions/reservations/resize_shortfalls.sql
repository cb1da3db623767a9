-- Purpose: which lines of a resize cannot be had: what the reservation holds already counts for it,
--   and only growth is refused by a closing location or an uncertain book.
create or replace function reservations.resize_shortfalls(
  p_cell integer, p_reservation_id uuid, p_lines reservations.hold_line[], p_now timestamptz
)
returns table (line integer, short jsonb)
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
  return query
  select w.line, jsonb_build_object('sku', w.sku, 'location', w.location,
    'requested', w.quantity, 'available', w.here, 'code', w.code)
  from (
    select
      n.line, n.sku, n.location, n.quantity,
      case when n.problem is null then s.v_left[n.slot] + coalesce(c.open_quantity, 0) end as here,
      case
        when n.problem = 'unknown_sku' then 'unknown_sku'
        when n.problem = 'untracked' or n.quantity <= coalesce(c.open_quantity, 0) then null
        when n.problem is not null then n.problem
        when n.quantity - coalesce(c.open_quantity, 0) > s.v_left[n.slot]
          then 'insufficient_stock'
        when not s.v_certain[n.slot] then 'uncertain_stock'
      end as code
    from unnest(p_lines) n
    cross join reservations.read_slots(p_cell, p_lines, p_now) s
    left join stock.claim c
      on c.cell_id = p_cell and c.holder_id = p_reservation_id
      and c.location_id = n.location_id and c.sku_id = n.sku_id
  ) w
  where w.code is not null;
end;
$$;
