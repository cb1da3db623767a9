-- Purpose: how the lines of a receipt arrive: in their order, first what is in transit, then what
--   was written off as lost, then as extra; and what of them an order's claim waits for, here or
--   riding on the transfer's line.
create or replace function transfers.allot_arrivals(
  p_cell integer, p_transfer_id uuid, p_lines transfers.asked_line[]
)
returns transfers.arrival[]
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
    select array_agg(
      (
        w.line, w.sku, w.sku_id, w.for_order, case
          when w.damaged then 'damaged' when w.for_order is not null then 'staged' else 'sellable'
        end, w.quantity, p.transit, p.found, w.quantity - p.transit - p.found, p.staged,
        case when w.for_order is null then 0 else w.quantity - p.staged end, case
          when w.problem is not null then w.problem
          when w.for_order is not null and w.quantity - p.staged > w.riding then 'no_waiting_claim'
        end
      )::transfers.arrival
      order by w.line
    )
    from (
      select
        a.*, coalesce(n.dispatched - n.received - n.lost, 0) as transit_left,
        coalesce(n.dispatched - n.received - n.found, 0) as left_in_all,
        coalesce(c.open_quantity - c.staged_quantity, 0) as waiting,
        coalesce(r.quantity - r.arrived, 0) as riding,
        sum(a.quantity) over (partition by a.sku_id order by a.line) - a.quantity as units_before
      from unnest(p_lines) a
      join transfers.transfer t on t.cell_id = p_cell and t.transfer_id = p_transfer_id
      left join transfers.transfer_line n
        on n.cell_id = p_cell and n.transfer_id = p_transfer_id and n.sku_id = a.sku_id
      left join transfers.rider r
        on r.cell_id = p_cell and r.transfer_id = p_transfer_id and r.sku_id = a.sku_id
        and r.order_id = a.for_order
      left join stock.claim c
        on c.cell_id = p_cell and c.holder_id = a.for_order and c.sku_id = a.sku_id
        and c.location_id = t.to_location_id and c.holder_kind = 'order'
    ) w
    cross join lateral (
      select
        greatest(0, least(w.units_before + w.quantity, w.transit_left) - w.units_before) as transit,
        greatest(0, least(w.units_before + w.quantity, w.left_in_all)
          - greatest(w.units_before, w.transit_left)) as found,
        case when w.for_order is null then 0 else least(w.quantity, w.waiting) end as staged
    ) p
  );
end;
$$;
