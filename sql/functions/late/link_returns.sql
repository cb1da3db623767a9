-- Purpose: finds for the sale lines of a batch the returns that came before them and named them.
-- Returns: the receipts that have such lines; null if none.
create or replace function late.link_returns(
  p_cell integer, p_receipts pos.asked_receipt[], p_lines pos.asked_line[]
)
returns uuid[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_sales uuid[];
begin
  with linked as (
    update sales.return_line w
    set sale_document_id = k.receipt_id
    from (
      select
        p_cell as cell_id, l.receipt_id, l.line, l.sku_id, (p_receipts[l.command]).terminal,
        (p_receipts[l.command]).sequence
      from unnest(p_lines) l
      where l.sku_id is not null and l.quantity > 0
    ) k
    where w.cell_id = k.cell_id and w.sale_document_id is null and not w.voided
      and w.sale_terminal = k.terminal and w.sale_sequence = k.sequence and w.sale_line = k.line
      and w.sku_id = k.sku_id
    returning w.sale_document_id
  )
  select array_agg(distinct n.sale_document_id) into v_sales from linked n;
  return v_sales;
end;
$$;
