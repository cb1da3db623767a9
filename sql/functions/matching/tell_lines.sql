-- Purpose: opens an exception for each sale line that may be the goods of an ambiguous handover, and
--   resolves those that are no question any more.
create or replace function matching.tell_lines(
  p_cell integer, p_lines sales.sale_line[], p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_line sales.sale_line;
  v_receipt pos.receipt;
  v_handovers jsonb;
begin
  foreach v_line in array coalesce(p_lines, '{}') loop
    select r.* into v_receipt
    from pos.receipt r
    where r.cell_id = p_cell and r.receipt_id = v_line.document_id;
    v_handovers := (
      select jsonb_agg(h.handover_id order by h.handed_over_at, h.handover_id)
      from pos.handover h
      where h.cell_id = p_cell and h.location_id = v_line.location_id
        and h.sku_id = v_line.sku_id and h.quantity = v_line.quantity
        and h.state = 'ambiguous' and not h.settled
        and h.handed_over_at between v_line.sold_at - interval '60 minutes'
          and v_line.sold_at + interval '60 minutes'
    );
    if v_handovers is null then
      update pos.exception x
      set state = 'resolved', resolved_at = p_now, resolution = '{"action": "settled"}'
      where x.cell_id = p_cell and x.exception_id = matching.exception_of(v_receipt, v_line.line)
        and x.state = 'open';
      continue;
    end if;
    insert into pos.exception (
      cell_id, exception_id, kind, terminal, epoch, sequence, location_id, receipt_id, line,
      quantity, fingerprint, body, recorded_at
    ) values (
      p_cell, matching.exception_of(v_receipt, v_line.line), 'match', v_receipt.terminal,
      v_receipt.epoch, v_receipt.sequence, v_line.location_id, v_receipt.receipt_id, v_line.line,
      v_line.quantity, v_receipt.fingerprint,
      exceptions.line_body(v_receipt.body, v_line.line)
        || jsonb_build_object('handovers', v_handovers), p_now
    )
    on conflict on constraint exception_pkey do update
    set state = 'open', body = excluded.body, resolved_at = null, resolution = null;
  end loop;
end;
$$;
