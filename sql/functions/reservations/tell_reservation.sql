-- Purpose: one reservation as it stands at p_now, with its lines; null where there is none.
create or replace function reservations.tell_reservation(
  p_cell integer, p_reservation_id uuid, p_now timestamptz
)
returns jsonb
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
    select jsonb_build_object(
      'reservation_id', r.reservation_id,
      'state', case when r.state = 'held' and r.expires_at <= p_now then 'expired' else r.state end,
      'expires_at', r.expires_at, 'channel', r.channel, 'customer', r.customer,
      'extended', r.extended,
      'lines', (
        select jsonb_agg(jsonb_build_object(
          'location', l.location, 'sku', i.sku, 'quantity', c.quantity, 'line', c.line
        ) order by c.line, l.location, i.sku)
        from stock.claim c
        join locations.location l on l.location_id = c.location_id
        join catalog.item i on i.sku_id = c.sku_id
        where c.cell_id = p_cell and c.holder_id = p_reservation_id and c.quantity > 0
      )
    )
    from reservations.reservation r
    where r.cell_id = p_cell and r.reservation_id = p_reservation_id
  );
end;
$$;
