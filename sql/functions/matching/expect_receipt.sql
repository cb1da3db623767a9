-- Purpose: goods were handed over and a till's receipt of them may come, or has come (domain §2.8):
--   keeps the handover and looks for its one sale line. Called in the transaction of the handover,
--   whose level is locked, after its own goods are posted; each line of it is a handover. Only
--   for items whose stock is tracked: the ledger knows no sale of others.
-- Returns: events to be written last. pos.matched, pos.unmatched, stock.changed.
create or replace function matching.expect_receipt(
  p_cell integer, p_handover pos.handover, p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_judged record;
begin
  insert into pos.handover (
    cell_id, handover_id, location_id, sku_id, quantity, order_id, document_id, handed_over_at,
    changed_at
  ) values (
    p_cell, (p_handover).handover_id, (p_handover).location_id, (p_handover).sku_id,
    (p_handover).quantity, (p_handover).order_id, (p_handover).document_id,
    (p_handover).handed_over_at, p_now
  );
  -- and those that may want the same line
  select * into v_judged
  from matching.judge_handovers(p_cell, matching.neighbours(p_cell, p_handover), null, p_now);
  if v_judged.goods is null then
    return v_judged.news;
  end if;
  return v_judged.news || stock.post(p_cell, p_now, 'pos.matched', v_judged.goods, null);
end;
$$;
