-- Purpose: the handover that an exception is about: its own, or of those that a sale line may be the one
--   nearest in time that nobody has settled.
create or replace function matching.nearest(p_cell integer, p_exception pos.exception)
returns pos.handover
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_found pos.handover;
begin
  select h.* into v_found
  from jsonb_array_elements_text(coalesce(
    (p_exception).body -> 'handovers', jsonb_build_array((p_exception).body -> 'handover')
  )) k (id)
  join pos.handover h
    on h.cell_id = p_cell and h.handover_id = k.id::uuid and not h.settled
    and h.state <> 'matched'
  left join sales.sale_line s
    on s.cell_id = p_cell and s.document_id = (p_exception).receipt_id
    and s.line = (p_exception).line
  order by abs(extract(epoch from h.handed_over_at - s.sold_at)), h.handed_over_at, h.handover_id
  limit 1;
  return v_found;
end;
$$;
