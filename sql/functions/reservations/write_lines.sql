-- Purpose: writes the new set of a reservation's lines into its claims; what is no longer wanted
--   stays as a claim of nothing.
create or replace function reservations.write_lines(
  p_cell integer, p_reservation_id uuid, p_lines reservations.hold_line[],
  p_expires_at timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update stock.claim c
  set quantity = 0, open_quantity = 0
  where c.cell_id = p_cell and c.holder_id = p_reservation_id and not exists (
    select 1
    from unnest(p_lines) n
    where n.location_id = c.location_id and n.sku_id = c.sku_id
  );
  insert into stock.claim as c (
    cell_id, location_id, sku_id, holder_id, holder_kind, line, quantity, open_quantity, expires_at
  )
  select
    p_cell, n.location_id, n.sku_id, p_reservation_id, 'reservation', n.line, n.quantity,
    case when n.problem is distinct from 'untracked' then n.quantity else 0 end, p_expires_at
  from unnest(p_lines) n
  on conflict on constraint claim_pkey
  do update set
    line = excluded.line, quantity = excluded.quantity, open_quantity = excluded.open_quantity;
end;
$$;
