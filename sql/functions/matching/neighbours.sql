-- Purpose: the handovers of the same goods that may want a line that this one may want: within twice 60
--   minutes, itself with them.
create or replace function matching.neighbours(p_cell integer, p_handover pos.handover)
returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  return array(
    select h.handover_id
    from pos.handover h
    where h.cell_id = p_cell and h.location_id = (p_handover).location_id
      and h.sku_id = (p_handover).sku_id and h.quantity = (p_handover).quantity
      and h.handed_over_at between (p_handover).handed_over_at - interval '120 minutes'
        and (p_handover).handed_over_at + interval '120 minutes'
  );
end;
$$;
