-- Purpose: last step of every change of a transfer: its state and clocks from its lines, its next
--   version, and the event that tells it. Goods that come or go start the confirmations anew. Of
--   what came short or over the sender is to count: its book may be what is wrong.
create or replace function transfers.settle(
  p_cell integer, p_transfer_id uuid, p_type text, p_client_id integer, p_now timestamptz
)
returns events.new_event
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_sums record;
  v_moved boolean := p_type in ('transfer.dispatched', 'transfer.received');
  v_version bigint;
begin
  select
    sum(n.open) as open, sum(n.dispatched) as dispatched,
    sum(n.dispatched - n.received - n.lost) as transit, sum(n.received) as received
  into v_sums
  from transfers.transfer_line n
  where n.cell_id = p_cell and n.transfer_id = p_transfer_id;

  update transfers.transfer t
  set
    sender_confirmed = t.sender_confirmed and (t.closed_at is not null or not v_moved),
    receiver_confirmed = t.receiver_confirmed and (t.closed_at is not null or not v_moved),
    unpicked_since = case
      when v_sums.open = 0 then null
      when p_type in ('transfer.requested', 'transfer.dispatched') then p_now
      else t.unpicked_since
    end,
    -- what is sent later than a short receipt has its own time to come
    short_since = case
      when v_sums.transit = 0 or p_type = 'transfer.dispatched' then null
      when p_type = 'transfer.received' then p_now
      when t.sender_confirmed or t.receiver_confirmed then coalesce(t.short_since, p_now)
      else t.short_since
    end,
    overdue_at = case when p_type = 'transfer.overdue' then p_now else t.overdue_at end,
    state = case
      when t.closed_at is not null then 'closed'
      when v_sums.dispatched = 0 then case when v_sums.open > 0 then 'requested' else 'cancelled' end
      when v_sums.transit > 0 and not v_moved and (t.sender_confirmed or t.receiver_confirmed)
        then 'disputed'
      when v_sums.transit + v_sums.open = 0 then 'received'
      when v_sums.received > 0 then 'partly_received'
      else 'dispatched'
    end,
    version = t.version + 1, changed_at = p_now
  where t.cell_id = p_cell and t.transfer_id = p_transfer_id
  returning t.version into v_version;

  perform trust.open_tasks(
    p_cell, p_now, replace(p_type, '.', '_'), array_agg(t.from_location_id), array_agg(n.sku_id)
  )
  from transfers.transfer t
  join transfers.transfer_line n on n.cell_id = p_cell and n.transfer_id = t.transfer_id
  where t.cell_id = p_cell and t.transfer_id = p_transfer_id and (
    (p_type = 'transfer.short' and n.dispatched - n.received - n.lost > 0)
    or (p_type = 'transfer.over' and n.extra > 0)
  );
  return (
    p_now, p_type, 'transfer/' || p_transfer_id, v_version, p_client_id,
    transfers.tell_transfer(p_cell, p_transfer_id)
  )::events.new_event;
end;
$$;
