-- Purpose: receipts some of whose unmapped lines are settled now: without their problem, posted when
--   none of their lines waits any more, and told. p_type is the event's. Their units are not unknown
--   any more.
-- Returns: the events, and by command what is still told of the receipt.
create or replace function exceptions.settle_lines(
  p_cell integer, p_receipts pos.asked_receipt[], p_lines pos.asked_line[], p_type text,
  out news events.new_event[], out told jsonb[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_receipt pos.asked_receipt;
  v_status text;
  v_lines integer[];
begin
  foreach v_receipt in array p_receipts loop
    v_lines := array(select u.line from unnest(p_lines) u where u.command = v_receipt.command);
    continue when cardinality(v_lines) = 0;
    update pos.receipt r
    set
      version = r.version + 1, status = case when exists (
        select 1
        from pos.exception x
        where x.cell_id = p_cell and x.receipt_id = v_receipt.receipt_id and x.state = 'open'
          and x.kind in ('unmapped', 'fractional_quantity')
      ) then 'partly_posted' else 'posted' end,
      problems = coalesce((
        select jsonb_agg(p.problem)
        from jsonb_array_elements(r.problems) p (problem)
        where not (p.problem ->> 'line')::integer = any(v_lines)
          or not p.problem ->> 'code' in ('unmapped', 'fractional_quantity')
      ), '[]')
    where r.cell_id = p_cell and r.receipt_id = v_receipt.receipt_id
    returning r.version, r.status, r.problems
    into v_receipt.version, v_status, told[v_receipt.command];
    news := news || (
      v_receipt.occurred_at, p_type, 'receipt/' || v_receipt.receipt_id, v_receipt.version,
      v_receipt.client_id, pos.receipt_data(v_receipt, v_status, told[v_receipt.command])
        || jsonb_build_object('lines', v_lines)
    )::events.new_event;
  end loop;
end;
$$;
