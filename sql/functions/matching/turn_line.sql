-- Purpose: a till's sale line turns out to be the goods of a handover (p_matched), or turns out not to
--   be: its ledger entry is reversed, or stands again, at the time of the sale, and its sale line is
--   counted no more, or again. Of a voided receipt nothing is left to turn.
-- Returns: events, and goods to be posted after p_pending in the same call.
create or replace function matching.turn_line(
  p_cell integer, p_handover pos.handover, p_matched boolean, p_pending stock.goods_change[],
  p_now timestamptz, out news events.new_event[], out goods stock.goods_change[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_receipt pos.receipt;
  v_reverses bigint;
  v_sold_at timestamptz;
begin
  update pos.receipt r
  set version = r.version + 1
  where r.cell_id = p_cell and r.receipt_id = (p_handover).receipt_id and r.status <> 'voided'
  returning r.* into v_receipt;
  if v_receipt.receipt_id is null then
    return;
  end if;
  update sales.sale_line s
  set voided = p_matched
  where s.cell_id = p_cell and s.document_id = v_receipt.receipt_id and s.line = (p_handover).line
  returning s.sold_at into v_sold_at;

  if p_matched then
    select e.ledger_sequence into v_reverses
    from pos.entries_of(p_cell, v_receipt.receipt_id, p_pending) e
    where e.location_id = (p_handover).location_id and e.sku_id = (p_handover).sku_id
      and e.quantity = (p_handover).quantity and e.from_account = 'sellable'
      and e.kind in ('sale', 'unmatched')
    order by e.ledger_sequence
    limit 1;
  end if;
  goods := array[(
    (p_handover).location_id, (p_handover).sku_id,
    case when p_matched then 'customer' else 'sellable' end,
    case when p_matched then 'sellable' else 'customer' end,
    (p_handover).quantity, case when p_matched then 'matched' else 'unmatched' end, v_sold_at,
    v_receipt.receipt_id, 'pos', null, v_receipt.terminal || '/' || v_receipt.sequence,
    v_receipt.client_id, v_reverses
  )::stock.goods_change];
  news := array[(
    p_now, case when p_matched then 'pos.matched' else 'pos.unmatched' end,
    'receipt/' || v_receipt.receipt_id, v_receipt.version, null, jsonb_build_object(
      'receipt', v_receipt.receipt_id, 'line', (p_handover).line,
      'handover', (p_handover).handover_id, 'order', (p_handover).order_id
    )
  )::events.new_event];
end;
$$;
