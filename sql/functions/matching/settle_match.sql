-- Purpose: a person's word on goods that may have left once or twice. Of a sale line: accept says that it
--   is the nearest of the handovers that it may be, and takes it back; reject that it is a sale of its
--   own. Of a handover: reject says that no receipt is to come for it. What is left is judged again.
create or replace function matching.settle_match(
  p_cell integer, p_exception pos.exception, p_resolution jsonb, p_now timestamptz,
  out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_accept boolean := p_resolution ->> 'action' = 'accept';
  v_handover pos.handover := matching.nearest(p_cell, p_exception);
  v_goods stock.goods_change[];
  v_judged record;
begin
  perform stock.lock_levels(
    p_cell, p_now, array[v_handover.location_id], array[v_handover.sku_id], null
  );
  -- others may have judged it before the lock
  v_handover := matching.nearest(p_cell, p_exception);
  outcome := jsonb_build_object('code', 'wrong_state', 'detail', case
    when v_handover.handover_id is null then 'There is no handover here that it could be any more.'
    when v_accept and (p_exception).receipt_id is null then 'Accept the till line that is the same'
      || ' unit; if none is, reject: no receipt is to come.'
  end);
  if outcome ->> 'detail' is not null then
    return;
  end if;
  perform exceptions.close(p_cell, (p_exception).exception_id, p_resolution, p_now);
  if v_accept then
    v_handover.state := 'matched';
    v_handover.receipt_id := (p_exception).receipt_id;
    v_handover.line := (p_exception).line;
    select t.news, t.goods into news, v_goods
    from matching.turn_line(p_cell, v_handover, true, null, p_now) t;
  end if;
  if v_accept or (p_exception).receipt_id is null then
    v_handover.settled := true;
    perform matching.write_state(p_cell, v_handover, p_now);
  end if;
  select * into v_judged from matching.judge_handovers(
    p_cell, matching.neighbours(p_cell, v_handover), v_goods, p_now
  );
  news := news || v_judged.news;
  v_goods := v_goods || v_judged.goods;
  if v_goods is not null then
    news := news || stock.post(p_cell, p_now, 'pos.matched', v_goods, null);
  end if;
  outcome := jsonb_build_object(
    'code', case when v_accept then 'accepted' else 'rejected' end,
    'receipt_id', (p_exception).receipt_id, 'status', (
      select r.status from pos.receipt r
      where r.cell_id = p_cell and r.receipt_id = (p_exception).receipt_id
    )
  );
end;
$$;
