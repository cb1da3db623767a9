-- Purpose: receipts as they are posted, each with only those of its lines that are asked for and still
--   wait for their item. p_sku names the item that all of them are (null: by their codes).
create or replace function mapping.waiting_receipts(
  p_cell integer, p_exception_ids uuid[], p_sku text
)
returns pos.asked_receipt[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_receipts pos.asked_receipt[];
  v_receipt pos.asked_receipt;
  v_found record;
begin
  for v_found in
    select
      r.receipt_id, jsonb_agg(
        case when p_sku is null then x.body
        else x.body - 'gtin' || jsonb_build_object('sku', p_sku) end
        order by x.line
      ) as lines,
      jsonb_agg(case when p_sku is null then x.code end order by x.line) as codes
    from (select distinct u.id from unnest(p_exception_ids) u (id)) w
    cross join lateral (
      select e.receipt_id, e.line, e.body, e.code
      from pos.exception e
      where e.cell_id = p_cell and e.exception_id = w.id and e.kind = 'unmapped'
        and e.state = 'open'
    ) x
    join pos.receipt r
      on r.cell_id = p_cell and r.receipt_id = x.receipt_id and r.status = 'partly_posted'
    group by r.receipt_id, r.occurred_at
    order by r.occurred_at, r.receipt_id
  loop
    v_receipt := exceptions.kept_receipt(p_cell, v_found.receipt_id, v_found.codes);
    v_receipt.command := coalesce(cardinality(v_receipts), 0) + 1;
    v_receipt.body := v_receipt.body || jsonb_build_object('lines', v_found.lines);
    v_receipts := v_receipts || v_receipt;
  end loop;
  return v_receipts;
end;
$$;
