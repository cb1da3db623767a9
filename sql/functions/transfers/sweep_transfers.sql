-- Purpose: what time does to transfers (domain §2.8): what nobody picks is given free, what is late
--   is told once, what came short and nobody settles is lost. Repeatable; what another process has
--   locked is left to it.
-- Takes: commands of transfers.commands.SweepTransfers.
-- Lock order: transfers (skipping locked ones), stock levels by (location, sku), cell's state.
-- Outcomes: swept (with the number of transfers).
-- Events: transfer.cancelled, transfer.overdue, transfer.short, transfer.closed, stock.changed.
create or replace function transfers.sweep_transfers(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_due jsonb := '[]';
  v_events events.new_event[];
  v_ask record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  for v_ask in
    select c.*
    from jsonb_to_recordset(p_commands) as c (what text, after_seconds integer, most integer)
  loop
    v_due := v_due || jsonb_build_array(to_jsonb(transfers.lock_due(
      p_cell, v_ask.what, v_now - v_ask.after_seconds * interval '1 second', v_ask.most
    )));
  end loop;
  -- all levels at once and in their order, whatever is due why
  perform transfers.lock_transfers(p_cell, array_agg(w.transfer_id::uuid), true, v_now)
  from jsonb_array_elements(v_due) d (due)
  cross join lateral jsonb_array_elements_text(d.due) w (transfer_id);

  for v_ask in
    select c.what, t.transfer_id, t.client_id
    from rows from (
      jsonb_to_recordset(p_commands) as (what text)
    ) with ordinality c (what, ordinality)
    cross join lateral jsonb_array_elements_text(v_due -> (c.ordinality - 1)::integer) d (due)
    join transfers.transfer t on t.cell_id = p_cell and t.transfer_id = d.due::uuid
    order by c.ordinality, t.transfer_id
  loop
    -- nobody did this: it is put down to who asked for the transfer
    v_events := v_events || case v_ask.what
      when 'unpicked' then (
        select n.p_events
        from transfers.cancel_one(p_cell, v_ask.transfer_id, v_ask.client_id, v_now) n
      )
      when 'short' then transfers.close_out(
        p_cell, v_ask.transfer_id, 'nobody settled what was missing', v_ask.client_id, v_now
      )
      else array[transfers.settle(
        p_cell, v_ask.transfer_id, 'transfer.overdue', v_ask.client_id, v_now
      )]
    end;
  end loop;
  perform events.write_events(p_cell, v_now, v_events);
  return (
    select jsonb_agg(jsonb_build_object('code', 'swept', 'transfers', jsonb_array_length(d.due))
      order by d.ordinality)
    from jsonb_array_elements(v_due) with ordinality d (due, ordinality)
  );
end;
$$;
