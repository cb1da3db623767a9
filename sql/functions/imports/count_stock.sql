-- Purpose: posts the lines that differ from the book (p_variances by line), or that find a level odd,
--   as counts of this moment.
create or replace function imports.count_stock(
  p_cell integer, p_lines stock.asked_count[], p_variances bigint[], p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_counts stock.counted_line[];
begin
  select array_agg((u.location_id, u.sku_id, u.sellable, p_now, u.document_id, false, u.reason,
    u.client_id)::stock.counted_line order by u.command)
  into v_counts
  from unnest(p_lines) u
  where p_variances[u.command] is not null;
  if v_counts is null then
    return null;
  end if;
  return (select c.v_events from stock.post_counts(p_cell, v_counts, p_now) c);
end;
$$;
