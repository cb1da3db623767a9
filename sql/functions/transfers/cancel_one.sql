-- Purpose: what of a transfer has not left will not leave: its claims are released. A transfer of
--   which nothing left is cancelled; of another the part that left goes on.
create or replace function transfers.cancel_one(
  p_cell integer, p_transfer_id uuid, p_client_id integer, p_now timestamptz,
  out p_outcome jsonb, out p_events events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_told jsonb := transfers.tell_transfer(p_cell, p_transfer_id);
begin
  if not jsonb_path_exists(v_told, '$.lines[*] ? (@.open > 0)') then
    p_outcome := jsonb_build_object('transfer', v_told, 'code', case v_told ->> 'state'
      when 'cancelled' then 'cancelled' else 'wrong_state' end);
    return;
  end if;
  p_events := stock.post(
    p_cell, p_now, 'transfer.cancelled', null,
    transfers.release_rest(p_cell, p_transfer_id, p_client_id)
  );
  p_events := p_events || transfers.settle(
    p_cell, p_transfer_id, 'transfer.cancelled', p_client_id, p_now
  );
  p_outcome := jsonb_build_object(
    'code', 'cancelled', 'transfer', transfers.tell_transfer(p_cell, p_transfer_id)
  );
end;
$$;
