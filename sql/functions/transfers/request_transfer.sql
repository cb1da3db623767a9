-- Purpose: claims goods at the sender for another place, all lines or none (domain §2.4): the same
--   guard as a hold's, unless a manager overrides it with a reason.
-- Takes: commands of transfers.commands.RequestTransfer, one after the other.
-- Lock order: stock levels by (location, sku), then the cell's state.
-- Outcomes: requested · insufficient_stock · uncertain_stock · location_closed · unknown_location ·
--   unknown_sku · not_stock_tracked · idempotency_key_reused.
-- Events: transfer.requested, stock.changed.
create or replace function transfers.request_transfer(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_lines transfers.asked_line[];
  v_outcomes jsonb[];
  v_events events.new_event[];
  v_ask record;
  v_result record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  v_lines := transfers.parse_lines(p_cell, p_commands);
  -- what a manager insists on may be claimed where the book never had it
  perform stock.lock_levels(
    p_cell, v_now, array_agg(u.from_location_id), array_agg(u.sku_id), array_agg(true)
  )
  from unnest(v_lines) u
  where u.problem is null;
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_ask in
    select c.*
    from rows from (
      jsonb_to_recordset(p_commands) as (
        transfer_id uuid, client_id integer, eta timestamptz, reference text, override text
      )
    ) with ordinality c (transfer_id, client_id, eta, reference, override, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_ask.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_ask.ordinality] := web.twin_outcome(v_outcomes[v_ask.ordinality], v_outcomes);
    end if;
    continue when v_outcomes[v_ask.ordinality] is not null;
    select * into v_result
    from transfers.request_one(
      p_cell, v_ask.transfer_id, array(
        select u from unnest(v_lines) u where u.command = v_ask.ordinality
      ), v_ask.eta, v_ask.reference, v_ask.override, v_ask.client_id, v_now
    );
    v_outcomes[v_ask.ordinality] := v_result.p_outcome;
    v_events := v_events || v_result.p_events;
  end loop;
  perform web.remember(p_cell, 'transfers.request_transfer', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
