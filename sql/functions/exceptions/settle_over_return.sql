-- Purpose: a person's word on units that came back beyond what was sold: they stay (in quarantine, for
--   nothing), or are handed back. The line is judged no more.
create or replace function exceptions.settle_over_return(
  p_cell integer, p_exception pos.exception, p_resolution jsonb, p_now timestamptz,
  out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_line sales.return_line;
  v_accept boolean := p_resolution ->> 'action' = 'accept';
begin
  select r.* into v_line
  from sales.return_line r
  where r.cell_id = p_cell and r.document_id = p_exception.receipt_id
    and r.line = p_exception.line;
  if not v_accept then
    if v_line.location_id is null then
      outcome := '{"code": "wrong_state", "detail": "It came before such units could be handed back'
        ' from here: accept it, and record the goods by POST /v1/stock/movements."}';
      return;
    end if;
    perform stock.lock_levels(
      p_cell, p_now, array[v_line.location_id], array[v_line.sku_id], null
    );
    if v_line.tracked and pos.in_quarantine(
      p_cell, v_line.location_id, v_line.sku_id, null
    ) < p_exception.quantity then
      outcome := '{"code": "wrong_state",'
        ' "detail": "The units are not in quarantine any more: accept says that they stay."}';
      return;
    end if;
    if v_line.tracked then
      news := stock.post(p_cell, p_now, 'pos.handed_back', array[(
        v_line.location_id, v_line.sku_id, 'quarantine', 'customer', p_exception.quantity,
        'handed_back', p_now, v_line.document_id, 'pos', null,
        p_exception.terminal || '/' || p_exception.sequence,
        (p_resolution ->> 'client')::integer, null
      )::stock.goods_change], null);
    end if;
  end if;
  update sales.return_line r
  set settled = true
  where r.cell_id = p_cell and r.document_id = p_exception.receipt_id
    and r.line = p_exception.line;
  perform exceptions.close(p_cell, p_exception.exception_id, p_resolution, p_now);
  outcome := jsonb_build_object(
    'code', case when v_accept then 'accepted' else 'rejected' end,
    'receipt_id', p_exception.receipt_id, 'status', (
      select c.status from pos.receipt c
      where c.cell_id = p_cell and c.receipt_id = p_exception.receipt_id
    )
  );
end;
$$;
