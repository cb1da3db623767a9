-- Purpose: ends a transfer: what has not come is lost (in_transit → shrink, at the receiver, who
--   misses it), what has not left is released. A shortage that nobody told yet is told first.
create or replace function transfers.close_out(
  p_cell integer, p_transfer_id uuid, p_reason text, p_client_id integer, p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_events events.new_event[];
  v_goods stock.goods_change[];
  v_disputed boolean;
begin
  select
    bool_or(t.state = 'disputed'), array_agg((t.to_location_id, n.sku_id, 'in_transit', 'shrink',
      n.dispatched - n.received - n.lost, 'transfer_loss', p_now, p_transfer_id, 'transfer',
      p_reason, t.reference, p_client_id, null)::stock.goods_change order by n.sku_id)
  into v_disputed, v_goods
  from transfers.transfer t
  join transfers.transfer_line n on n.cell_id = p_cell and n.transfer_id = t.transfer_id
  where t.cell_id = p_cell and t.transfer_id = p_transfer_id
    and n.dispatched - n.received - n.lost > 0;

  if v_goods is not null and not v_disputed then
    v_events := array[
      transfers.settle(p_cell, p_transfer_id, 'transfer.short', p_client_id, p_now)
    ];
  end if;
  v_events := v_events || stock.post(
    p_cell, p_now, 'transfer.closed', v_goods,
    transfers.release_rest(p_cell, p_transfer_id, p_client_id)
  );
  update transfers.transfer_line n
  set lost = n.dispatched - n.received
  where n.cell_id = p_cell and n.transfer_id = p_transfer_id
    and n.dispatched - n.received - n.lost > 0;
  update transfers.transfer t
  set closed_at = p_now, state = 'closed'
  where t.cell_id = p_cell and t.transfer_id = p_transfer_id;
  return v_events || transfers.settle(
    p_cell, p_transfer_id, 'transfer.closed', p_client_id, p_now
  );
end;
$$;
