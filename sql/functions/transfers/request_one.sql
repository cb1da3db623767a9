-- Purpose: one request of a batch, its levels locked: writes the transfer and its claims. p_override
--   leaves out the guard on what is available, never a name that is wrong.
create or replace function transfers.request_one(
  p_cell integer, p_transfer_id uuid, p_lines transfers.asked_line[], p_eta timestamptz,
  p_reference text, p_override text, p_client_id integer, p_now timestamptz,
  out p_outcome jsonb, out p_events events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_short jsonb;
  v_claims stock.claim_change[];
begin
  select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('line', w.line, 'sku', w.sku,
    'requested', w.quantity, 'available', w.available, 'code', w.code))
    order by w.problem is null, w.line)
  into v_short
  from (
    select
      n.line, n.sku, n.quantity, n.problem, r.available, case
        when n.problem is not null then n.problem
        when p_override is not null then null
        when n.quantity > coalesce(r.available, 0) then 'insufficient_stock'
        when r.confidence < 0.5 then 'uncertain_stock'
      end as code
    from unnest(p_lines) n
    left join lateral (
      select l.available, l.confidence
      from stock.read_level(p_cell, n.from_location, n.sku, p_now) l
      where n.problem is null
    ) r on true
  ) w
  where w.code is not null;
  if v_short is not null then
    p_outcome := jsonb_build_object('code', v_short #>> '{0,code}', 'short', v_short);
    return;
  end if;

  insert into transfers.transfer (
    cell_id, transfer_id, from_location_id, to_location_id, state, reference, eta, override_reason,
    client_id, requested_at, changed_at
  )
  values (
    p_cell, p_transfer_id, (p_lines[1]).from_location_id, (p_lines[1]).to_location_id, 'requested',
    p_reference, p_eta, p_override, p_client_id, p_now, p_now
  );
  insert into transfers.transfer_line (cell_id, transfer_id, sku_id, line, requested, open)
  select p_cell, p_transfer_id, n.sku_id, n.line, n.quantity, n.quantity
  from unnest(p_lines) n;
  select array_agg((n.from_location_id, n.sku_id, p_transfer_id, 'claim', n.quantity, n.quantity,
    null, p_client_id)::stock.claim_change order by n.sku_id)
  into v_claims
  from unnest(p_lines) n;
  perform transfers.change_claims(p_cell, 'transfer', v_claims);
  p_events := stock.post(p_cell, p_now, 'transfer.requested', null, v_claims);
  p_events := p_events || transfers.settle(
    p_cell, p_transfer_id, 'transfer.requested', p_client_id, p_now
  );
  p_outcome := jsonb_build_object(
    'code', 'requested', 'transfer', transfers.tell_transfer(p_cell, p_transfer_id)
  );
end;
$$;
