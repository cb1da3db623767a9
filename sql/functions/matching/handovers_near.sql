-- Purpose: the handovers within 60 minutes of the sale lines of some receipts, of the same goods: those
--   that these receipts, or their voids, may put in another light.
create or replace function matching.handovers_near(p_cell integer, p_documents uuid[])
returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select array_agg(distinct h.handover_id)
    from unnest(p_documents) d (document_id)
    join sales.sale_line s on s.cell_id = p_cell and s.document_id = d.document_id
    join pos.handover h
      on h.cell_id = p_cell and h.location_id = s.location_id and h.sku_id = s.sku_id
      and h.quantity = s.quantity
      and h.handed_over_at between s.sold_at - interval '60 minutes'
        and s.sold_at + interval '60 minutes'
  );
end;
$$;
