-- Purpose: how many handovers that nobody has settled may be the same goods as a sale line.
create or replace function matching.rivals(p_cell integer, p_line sales.sale_line)
returns bigint
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  return (
    select count(*)
    from pos.handover h
    where h.cell_id = p_cell and h.location_id = (p_line).location_id
      and h.sku_id = (p_line).sku_id and h.quantity = (p_line).quantity and not h.settled
      and h.handed_over_at between (p_line).sold_at - interval '60 minutes'
        and (p_line).sold_at + interval '60 minutes'
  );
end;
$$;
