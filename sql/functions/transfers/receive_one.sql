-- Purpose: one receipt of a batch, its transfer and levels locked.
create or replace function transfers.receive_one(
  p_cell integer, p_transfer_id uuid, p_lines transfers.asked_line[], p_occurred_at timestamptz,
  p_reason text, p_may_exceed boolean, p_client_id integer, p_now timestamptz,
  out p_outcome jsonb, out p_events events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_told jsonb := transfers.tell_transfer(p_cell, p_transfer_id);
  v_arrivals transfers.arrival[] := transfers.allot_arrivals(p_cell, p_transfer_id, p_lines);
  v_short jsonb;
  v_posting record;
begin
  select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('line', a.line, 'sku', a.sku,
    'requested', a.quantity, 'code', coalesce(a.problem, 'over_receipt'),
    'available', case when a.problem is null then a.transit + a.found end))
    order by a.problem is null, a.line)
  into v_short
  from unnest(v_arrivals) a
  where a.problem is not null or (a.extra > 0 and not p_may_exceed);
  p_outcome := case
    when v_told ->> 'state' in ('requested', 'cancelled')
      then jsonb_build_object('code', 'wrong_state', 'transfer', v_told)
    when p_occurred_at > p_now + interval '10 minutes' then '{"code": "in_the_future"}'::jsonb
    when v_short is not null
      then jsonb_build_object('code', v_short #>> '{0,code}', 'short', v_short)
  end;
  if p_outcome is not null then
    return;
  end if;

  select * into v_posting
  from transfers.arrived_goods(
    p_cell, p_transfer_id, v_arrivals, coalesce(p_occurred_at, p_now), p_reason, p_client_id
  );
  p_events := stock.post(
    p_cell, p_now, 'transfer.received', v_posting.goods, v_posting.claims
  );
  perform transfers.write_arrivals(p_cell, p_transfer_id, v_arrivals, v_posting.claims);
  p_events := p_events || transfers.settle(
    p_cell, p_transfer_id, 'transfer.received', p_client_id, p_now
  );
  if exists (select 1 from unnest(v_arrivals) a where a.extra > 0) then
    p_events := p_events || transfers.settle(
      p_cell, p_transfer_id, 'transfer.over', p_client_id, p_now
    );
  end if;
  p_outcome := jsonb_build_object(
    'code', 'received', 'transfer', transfers.tell_transfer(p_cell, p_transfer_id)
  );
end;
$$;
