-- Purpose: takes back what a receipt did, exactly: each of its ledger entries with from and to
--   swapped, its sale lines voided, what it returned given back. The levels are locked. Goods and
--   claims are handed back, to be posted after p_pending in the same call: a receipt that is taken
--   back as it comes nets to nothing, and never shows in between.
-- Returns: events, pos.voided first.
create or replace function pos.reverse_receipt(
  p_cell integer, p_target uuid, p_void pos.asked_receipt, p_pending stock.goods_change[],
  p_now timestamptz,
  out news events.new_event, out goods stock.goods_change[], out claims stock.claim_change[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_version bigint;
  v_order text;
begin
  goods := pos.reversed_goods(p_cell, p_target, p_void, p_pending);
  update sales.sale_line s
  set voided = true
  where s.cell_id = p_cell and s.document_id = p_target;

  with given_back as (
    update sales.return_line r
    set voided = true
    where r.cell_id = p_cell and r.document_id = p_target and not r.voided
    returning r.sale_document_id, r.sale_line, r.quantity
  )
  update sales.sale_line s
  set returned = s.returned - g.units
  from (
    select p_cell as cell_id, b.sale_document_id, b.sale_line, sum(b.quantity) as units
    from given_back b group by b.sale_document_id, b.sale_line
  ) g
  where s.cell_id = g.cell_id and s.document_id = g.sale_document_id and s.line = g.sale_line;

  update pos.exception x
  set state = 'resolved', resolved_at = p_now, resolution = jsonb_build_object(
    'action', 'voided', 'by', p_void.receipt_id
  )
  where x.cell_id = p_cell and x.receipt_id = p_target and x.state = 'open'
    and x.kind in ('unmapped', 'over_return', 'fractional_quantity', 'match');

  update pos.receipt r
  set status = 'voided', voided_by = p_void.receipt_id, version = r.version + 1
  where r.cell_id = p_cell and r.receipt_id = p_target
  returning r.version, r.order_reference into v_version, v_order;
  if v_order ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    claims := pos.reopened_claims(p_cell, v_order::uuid, goods);
    perform pos.change_claims(p_cell, claims);
  end if;
  news := (
    p_void.occurred_at, 'pos.voided', 'receipt/' || p_target, v_version, p_void.client_id,
    jsonb_build_object('receipt', p_target, 'voided_by', p_void.receipt_id)
  )::events.new_event;
end;
$$;
