-- Purpose: what was wrong with returned lines, after they were judged again: on their receipts, and as
--   exceptions, which are opened, changed or closed.
create or replace function late.tell_returns(
  p_cell integer, p_judged late.judged_return[], p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_each late.judged_return;
  v_problem jsonb;
  v_receipt pos.receipt;
begin
  foreach v_each in array coalesce(p_judged, '{}') loop
    v_problem := case when v_each.surplus > 0 then jsonb_build_array(pos.problem_body((
      null, v_each.line, 'over_return', null, null, v_each.surplus
    )::pos.line_problem)) else '[]' end;
    update pos.receipt r
    set problems = v_problem || coalesce((
      select jsonb_agg(p.problem)
      from jsonb_array_elements(r.problems) p (problem)
      where (p.problem ->> 'line')::integer <> v_each.line
        or not p.problem ->> 'code' in ('over_return', 'sale_not_found')
    ), '[]')
    where r.cell_id = p_cell and r.receipt_id = v_each.document_id
    returning r.* into v_receipt;

    insert into pos.exception (
      cell_id, exception_id, kind, terminal, epoch, sequence, location_id, receipt_id, line,
      quantity, fingerprint, body, state, recorded_at, resolved_at, resolution
    )
    select
      p_cell, exceptions.exception_id(
        v_receipt.receipt_id, 'over_return' || v_receipt.fingerprint || v_each.line
      ), 'over_return', v_receipt.terminal, v_receipt.epoch, v_receipt.sequence,
      v_receipt.location_id, v_receipt.receipt_id, v_each.line, v_each.surplus,
      v_receipt.fingerprint, exceptions.line_body(v_receipt.body, v_each.line), 'open', p_now, null,
      null
    where v_each.surplus > 0
    on conflict on constraint exception_pkey do update
    set state = 'open', quantity = excluded.quantity, resolved_at = null, resolution = null;

    update pos.exception x
    set state = 'resolved', resolved_at = p_now, resolution = '{"action": "linked"}'
    where v_each.surplus = 0 and x.cell_id = p_cell and x.receipt_id = v_receipt.receipt_id
      and x.state = 'open' and x.kind = 'over_return' and x.line = v_each.line;
  end loop;
end;
$$;
