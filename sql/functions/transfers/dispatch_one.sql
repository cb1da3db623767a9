-- Purpose: one dispatch of a batch, its transfer and levels locked. Without lines: all that is open.
create or replace function transfers.dispatch_one(
  p_cell integer, p_transfer_id uuid, p_lines transfers.asked_line[], p_occurred_at timestamptz,
  p_client_id integer, p_now timestamptz, out p_outcome jsonb, out p_events events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_told jsonb := transfers.tell_transfer(p_cell, p_transfer_id);
  v_lines transfers.asked_line[] := p_lines;
  v_short jsonb;
  v_goods stock.goods_change[];
  v_claims stock.claim_change[];
begin
  if cardinality(p_lines) = 0 then
    select array_agg((1, n.line, i.sku, n.sku_id, n.open, false, null, null, null, null, null
      )::transfers.asked_line order by n.line)
    into v_lines
    from transfers.transfer_line n
    join catalog.item i on i.sku_id = n.sku_id
    where n.cell_id = p_cell and n.transfer_id = p_transfer_id and n.open > 0;
  end if;
  v_short := transfers.undispatchable(
    p_cell, p_transfer_id, v_lines, coalesce(p_occurred_at, p_now)
  );
  p_outcome := case
    when not jsonb_path_exists(v_told, '$.lines[*] ? (@.open > 0)')
      then jsonb_build_object('code', 'wrong_state', 'transfer', v_told)
    when p_occurred_at > p_now + interval '10 minutes' then '{"code": "in_the_future"}'::jsonb
    when v_short is not null
      then jsonb_build_object('code', v_short #>> '{0,code}', 'short', v_short)
  end;
  if p_outcome is not null then
    return;
  end if;

  select
    array_agg((t.from_location_id, a.sku_id, 'sellable', 'in_transit', a.quantity,
      'transfer_dispatch', coalesce(p_occurred_at, p_now), p_transfer_id, 'transfer', null,
      t.reference, p_client_id, null)::stock.goods_change order by a.sku_id),
    array_agg((t.from_location_id, a.sku_id, p_transfer_id, 'consume', -a.quantity, -a.quantity,
      null, p_client_id)::stock.claim_change order by a.sku_id)
  into v_goods, v_claims
  from unnest(v_lines) a
  join transfers.transfer t on t.cell_id = p_cell and t.transfer_id = p_transfer_id;

  update transfers.transfer_line n
  set open = n.open - a.quantity, dispatched = n.dispatched + a.quantity
  from unnest(v_lines) a
  where n.cell_id = p_cell and n.transfer_id = p_transfer_id and n.sku_id = a.sku_id;
  perform transfers.change_claims(p_cell, 'transfer', v_claims);
  p_events := stock.post(p_cell, p_now, 'transfer.dispatched', v_goods, v_claims);
  p_events := p_events || transfers.settle(
    p_cell, p_transfer_id, 'transfer.dispatched', p_client_id, p_now
  );
  p_outcome := jsonb_build_object(
    'code', 'dispatched', 'transfer', transfers.tell_transfer(p_cell, p_transfer_id)
  );
end;
$$;
