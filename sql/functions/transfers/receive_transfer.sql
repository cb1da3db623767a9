-- Purpose: goods arrive, in one or several goes: on the shelf, damaged, or staged for an order. More
--   than was sent needs a manager's word; what was written off as lost and turns up takes the loss
--   back.
-- Takes: commands of transfers.commands.ReceiveTransfer, one after the other.
-- Lock order: transfers by id, stock levels by (location, sku), cell's state.
-- Outcomes: received · not_found · forbidden_location (not remembered) · wrong_state ·
--   not_on_transfer · no_waiting_claim · over_receipt · in_the_future · idempotency_key_reused.
-- Events: transfer.received, transfer.over, stock.changed.
create or replace function transfers.receive_transfer(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_lines transfers.asked_line[] := transfers.parse_lines(p_cell, p_commands);
  v_outcomes jsonb[];
  v_events events.new_event[];
  v_ask record;
  v_result record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform transfers.lock_transfers(p_cell, array_agg(c.transfer_id), true, v_now)
  from jsonb_to_recordset(p_commands) as c (transfer_id uuid);
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_ask in
    select
      c.*, transfers.standing(p_cell, c.transfer_id, c.locations, 'receiver') as refused
    from rows from (
      jsonb_to_recordset(p_commands) as (
        transfer_id uuid, client_id integer, locations text[], occurred_at timestamptz,
        reason text, may_exceed boolean
      )
    ) with ordinality c (
      transfer_id, client_id, locations, occurred_at, reason, may_exceed, ordinality
    )
    order by c.ordinality
  loop
    if v_outcomes[v_ask.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_ask.ordinality] := web.twin_outcome(v_outcomes[v_ask.ordinality], v_outcomes);
    end if;
    continue when v_outcomes[v_ask.ordinality] is not null;
    if v_ask.refused is not null then
      v_outcomes[v_ask.ordinality] := jsonb_build_object('code', v_ask.refused);
      continue;
    end if;
    select * into v_result
    from transfers.receive_one(
      p_cell, v_ask.transfer_id, array(
        select u from unnest(v_lines) u where u.command = v_ask.ordinality
      ), v_ask.occurred_at, v_ask.reason, v_ask.may_exceed, v_ask.client_id, v_now
    );
    v_outcomes[v_ask.ordinality] := v_result.p_outcome;
    v_events := v_events || v_result.p_events;
  end loop;
  perform web.remember(p_cell, 'transfers.receive_transfer', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
