-- Purpose: takes back what a receipt did, exactly: each of its ledger entries with from and to
--   swapped, its sale lines voided, what it returned given back. Units that have since moved on from
--   an account that cannot go below zero are taken from sellable. The levels are locked.
-- Returns: events, pos.voided first.
create or replace function pos.reverse_receipt(
  p_cell integer, p_target uuid, p_void pos.asked_receipt, p_now timestamptz
)
returns events.new_event[]
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
  v_goods stock.goods_change[] := pos.reversed_goods(p_cell, p_target, p_void);
  v_claims stock.claim_change[];
begin
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
    and x.kind in ('unmapped', 'over_return');

  update pos.receipt r
  set status = 'voided', voided_by = p_void.receipt_id, version = r.version + 1
  where r.cell_id = p_cell and r.receipt_id = p_target
  returning r.version, r.order_reference into v_version, v_order;
  if v_order ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    v_claims := pos.reopened_claims(p_cell, v_order::uuid, v_goods);
    perform pos.change_claims(p_cell, v_claims);
  end if;

  return array[(
    p_void.occurred_at, 'pos.voided', 'receipt/' || p_target, v_version, p_void.client_id,
    jsonb_build_object('receipt', p_target, 'voided_by', p_void.receipt_id)
  )::events.new_event] || stock.post(p_cell, p_now, 'pos.voided', v_goods, v_claims);
end;
$$;
