-- Purpose: one transfer as it stands, with its lines; null where there is none.
create or replace function transfers.tell_transfer(p_cell integer, p_transfer_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'transfer_id', t.transfer_id, 'from', f.location, 'to', o.location, 'state', t.state,
      'reference', t.reference, 'eta', t.eta, 'override', t.override_reason,
      'requested_at', t.requested_at, 'changed_at', t.changed_at, 'overdue_at', t.overdue_at,
      'closed_at', t.closed_at, 'confirmed_by', to_jsonb(array_remove(array[
        case when t.sender_confirmed then 'sender' end,
        case when t.receiver_confirmed then 'receiver' end
      ], null)),
      'lines', (
        select jsonb_agg(jsonb_build_object(
          'line', n.line, 'sku', i.sku, 'requested', n.requested, 'open', n.open,
          'dispatched', n.dispatched, 'in_transit', n.dispatched - n.received - n.lost,
          'received', n.received, 'damaged', n.damaged, 'lost', n.lost, 'found', n.found,
          'extra', n.extra
        ) order by n.line)
        from transfers.transfer_line n
        join catalog.item i on i.sku_id = n.sku_id
        where n.cell_id = p_cell and n.transfer_id = p_transfer_id
      )
    )
    from transfers.transfer t
    join locations.location f on f.location_id = t.from_location_id
    join locations.location o on o.location_id = t.to_location_id
    where t.cell_id = p_cell and t.transfer_id = p_transfer_id
  );
end;
$$;
