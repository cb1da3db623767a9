-- Purpose: the till's sale lines that may be the same goods as a handover (domain §2.8): sold without an
--   order at the same place, the same item and quantity, within 60 minutes by their effective times.
--   Those that a person has settled are none, nor are voided ones. p_pending are goods on their way.
-- The level's ledger names the receipts; a sale can hardly be recorded long before it occurred.
create or replace function matching.candidates(
  p_cell integer, p_handover pos.handover, p_pending stock.goods_change[]
)
returns sales.sale_line[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return (
    select array_agg(s::sales.sale_line order by s.sold_at, s.document_id, s.line)
    from (
      select e.document_id
      from stock.ledger_entry e
      where e.cell_id = p_cell and e.location_id = (p_handover).location_id
        and e.sku_id = (p_handover).sku_id and e.kind = 'sale'
        and e.quantity = (p_handover).quantity
        and e.recorded_at >= (p_handover).handed_over_at - interval '1 day'
        and e.occurred_at between (p_handover).handed_over_at - interval '60 minutes'
          and (p_handover).handed_over_at + interval '60 minutes'
      union
      select g.document_id
      from unnest(p_pending) g
      where g.location_id = (p_handover).location_id and g.sku_id = (p_handover).sku_id
        and g.kind = 'sale' and g.quantity = (p_handover).quantity
        and g.occurred_at between (p_handover).handed_over_at - interval '60 minutes'
          and (p_handover).handed_over_at + interval '60 minutes'
    ) d
    join pos.receipt r
      on r.cell_id = p_cell and r.receipt_id = d.document_id and r.order_reference is null
      and r.status in ('posted', 'partly_posted')
    join sales.sale_line s
      on s.cell_id = p_cell and s.document_id = d.document_id
      and s.location_id = (p_handover).location_id and s.sku_id = (p_handover).sku_id
      and s.quantity = (p_handover).quantity
    where not exists (
      select 1
      from pos.exception x
      where x.cell_id = p_cell and x.exception_id = matching.exception_of(r, s.line)
        and x.state = 'resolved' and x.resolution ->> 'action' = 'reject'
    ) and not exists (
      select 1
      from pos.handover h
      where h.cell_id = p_cell and h.location_id = s.location_id and h.sku_id = s.sku_id
        and h.settled and h.receipt_id = s.document_id and h.line = s.line
    )
  );
end;
$$;
