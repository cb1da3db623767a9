-- Purpose: which lines of a dispatch cannot leave: not on the transfer, more than is still claimed
--   for it, or more than the sender's book has on the shelf; null where all can. What left before the
--   shelf was last counted needs nothing on it any more (domain §1.3).
create or replace function transfers.undispatchable(
  p_cell integer, p_transfer_id uuid, p_lines transfers.asked_line[], p_occurred_at timestamptz
)
returns jsonb
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
    select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('line', w.line, 'sku', w.sku,
      'requested', w.quantity, 'available', w.available, 'code', w.code)) order by w.line)
    from (
      select
        a.line, a.sku, a.quantity, least(n.open, greatest(0, s.sellable)) as available, case
          when a.problem is not null then a.problem
          when a.quantity > n.open then 'more_than_requested'
          when a.quantity > s.sellable
            and p_occurred_at > coalesce(s.last_counted_at, '-infinity') then 'not_enough_there'
        end as code
      from unnest(p_lines) a
      join transfers.transfer t on t.cell_id = p_cell and t.transfer_id = p_transfer_id
      left join transfers.transfer_line n
        on n.cell_id = p_cell and n.transfer_id = p_transfer_id and n.sku_id = a.sku_id
      left join stock.stock_level s
        on s.cell_id = p_cell and s.location_id = t.from_location_id and s.sku_id = a.sku_id
    ) w
    where w.code is not null
  );
end;
$$;
