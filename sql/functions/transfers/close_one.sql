-- Purpose: one side says that no more will come (p_side null: each side that the token covers). The
--   first word makes a short transfer disputed, the second closes it; one of which nothing is
--   missing is closed at once.
create or replace function transfers.close_one(
  p_cell integer, p_transfer_id uuid, p_side text, p_locations text[], p_reason text,
  p_client_id integer, p_now timestamptz, out p_outcome jsonb, out p_events events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_told jsonb := transfers.tell_transfer(p_cell, p_transfer_id);
  v_short boolean;
  v_before record;
  v_sender boolean;
  v_receiver boolean;
begin
  if v_told ->> 'state' in ('requested', 'cancelled') then
    p_outcome := jsonb_build_object('code', 'wrong_state', 'transfer', v_told);
    return;
  end if;
  select t.sender_confirmed as sender, t.receiver_confirmed as receiver into v_before
  from transfers.transfer t
  where t.cell_id = p_cell and t.transfer_id = p_transfer_id;
  select coalesce(bool_or(n.dispatched - n.received - n.lost > 0), false) into v_short
  from transfers.transfer_line n
  where n.cell_id = p_cell and n.transfer_id = p_transfer_id;
  v_sender := v_before.sender or (p_side is distinct from 'receiver'
    and transfers.standing(p_cell, p_transfer_id, p_locations, 'sender') is null);
  v_receiver := v_before.receiver or (p_side is distinct from 'sender'
    and transfers.standing(p_cell, p_transfer_id, p_locations, 'receiver') is null);

  if v_told ->> 'state' <> 'closed' then
    update transfers.transfer t
    set sender_confirmed = v_sender, receiver_confirmed = v_receiver
    where t.cell_id = p_cell and t.transfer_id = p_transfer_id;
    if not v_short or (v_sender and v_receiver) then
      p_events := transfers.close_out(p_cell, p_transfer_id, p_reason, p_client_id, p_now);
    elsif not (v_before.sender or v_before.receiver) then
      p_events := array[
        transfers.settle(p_cell, p_transfer_id, 'transfer.short', p_client_id, p_now)
      ];
    end if;
  end if;
  p_outcome := jsonb_build_object(
    'code', 'confirmed', 'transfer', transfers.tell_transfer(p_cell, p_transfer_id)
  );
end;
$$;
