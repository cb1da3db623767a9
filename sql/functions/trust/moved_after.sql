-- Purpose: by how much the entries that occurred after a moment change what is on the shelf of one item
--   at one place. They can have been recorded no earlier than that moment less how far the level's
--   clocks ever went ahead (stock_level.moved_ahead), so older months are not looked at.
-- Called only where something occurred later. Read in the order of the ledger's key, with sorts off:
--   no other index gives that order, so a month that was empty when the plan was made is still read by
--   the item's key.
create or replace function trust.moved_after(
  p_cell integer, p_location_id integer, p_sku_id integer, p_after timestamptz, p_ahead interval
)
returns bigint
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_sort = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select coalesce(sum(o.change), 0)
    from (
      select case e.to_account when 'sellable' then e.quantity else -e.quantity end as change
      from stock.ledger_entry e
      where e.cell_id = p_cell and e.location_id = p_location_id and e.sku_id = p_sku_id
        and 'sellable' in (e.from_account, e.to_account) and e.occurred_at > p_after
        and e.recorded_at >= p_after - p_ahead
      order by e.ledger_sequence
      offset 0
    ) o
  );
end;
$$;
