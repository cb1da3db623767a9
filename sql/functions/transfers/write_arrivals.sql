-- Purpose: writes a receipt into the transfer's lines, its riders and the orders' claims.
create or replace function transfers.write_arrivals(
  p_cell integer, p_transfer_id uuid, p_arrivals transfers.arrival[], p_claims stock.claim_change[]
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
  update transfers.transfer_line n
  set
    received = n.received + w.transit, found = n.found + w.found, extra = n.extra + w.extra,
    damaged = n.damaged + w.damaged
  from (
    select
      a.sku_id, sum(a.transit) as transit, sum(a.found) as found, sum(a.extra) as extra,
      coalesce(sum(a.quantity) filter (where a.to_account = 'damaged'), 0) as damaged
    from unnest(p_arrivals) a
    group by a.sku_id
  ) w
  where n.cell_id = p_cell and n.transfer_id = p_transfer_id and n.sku_id = w.sku_id;

  update transfers.rider r
  set arrived = r.arrived + a.ridden
  from unnest(p_arrivals) a
  where r.cell_id = p_cell and r.transfer_id = p_transfer_id and r.sku_id = a.sku_id
    and r.order_id = a.for_order and a.ridden > 0;

  perform transfers.change_claims(p_cell, 'order', p_claims);
end;
$$;
