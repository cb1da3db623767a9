-- Purpose: keeps how a handover stands, and its exception: open while it is ambiguous or unmatched,
--   resolved otherwise. What a person has resolved stays resolved.
create or replace function matching.write_state(
  p_cell integer, p_handover pos.handover, p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_id uuid := exceptions.exception_id((p_handover).handover_id, 'match');
begin
  update pos.handover h
  set
    state = (p_handover).state, receipt_id = (p_handover).receipt_id, line = (p_handover).line,
    settled = (p_handover).settled, changed_at = p_now
  where h.cell_id = p_cell and h.handover_id = (p_handover).handover_id;

  if (p_handover).state in ('ambiguous', 'unmatched') and not (p_handover).settled then
    insert into pos.exception (
      cell_id, exception_id, kind, terminal, sequence, location_id, quantity, fingerprint, body,
      recorded_at
    ) values (
      p_cell, v_id, 'match', '', 0, (p_handover).location_id, (p_handover).quantity,
      (p_handover).handover_id, jsonb_build_object(
        'handover', (p_handover).handover_id, 'order', (p_handover).order_id,
        'sku', (select i.sku from catalog.item i where i.sku_id = (p_handover).sku_id),
        'handed_over_at', (p_handover).handed_over_at, 'state', (p_handover).state
      ), p_now
    )
    on conflict on constraint exception_pkey do update
    set state = 'open', body = excluded.body, resolved_at = null, resolution = null;
  else
    update pos.exception x
    set state = 'resolved', resolved_at = p_now, resolution = jsonb_build_object(
      'action', (p_handover).state
    )
    where x.cell_id = p_cell and x.exception_id = v_id and x.state = 'open';
  end if;
end;
$$;
