-- Purpose: releases what the sender still keeps for a transfer; a second time changes nothing.
-- Takes: commands of transfers.commands.CancelTransfer, one after the other.
-- Lock order: transfers by id, stock levels by (location, sku), cell's state.
-- Outcomes: cancelled · not_found · forbidden_location (not remembered) · wrong_state ·
--   idempotency_key_reused.
-- Events: transfer.cancelled, stock.changed.
create or replace function transfers.cancel_transfer(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_outcomes jsonb[];
  v_events events.new_event[];
  v_ask record;
  v_result record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform transfers.lock_transfers(p_cell, array_agg(c.transfer_id), false, v_now)
  from jsonb_to_recordset(p_commands) as c (transfer_id uuid);
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_ask in
    select
      c.*, transfers.standing(p_cell, c.transfer_id, c.locations, 'sender') as refused
    from rows from (
      jsonb_to_recordset(p_commands) as (transfer_id uuid, client_id integer, locations text[])
    ) with ordinality c (transfer_id, client_id, locations, ordinality)
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
    from transfers.cancel_one(p_cell, v_ask.transfer_id, v_ask.client_id, v_now);
    v_outcomes[v_ask.ordinality] := v_result.p_outcome;
    v_events := v_events || v_result.p_events;
  end loop;
  perform web.remember(p_cell, 'transfers.cancel_transfer', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
