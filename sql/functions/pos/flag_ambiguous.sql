-- Purpose: marks the goods of receipts whose till's clock is wrong by more than 120 s: when they
--   left is not certain (domain §1.3). Pure.
create or replace function pos.flag_ambiguous(
  p_goods stock.goods_change[], p_receipts pos.asked_receipt[]
)
returns stock.goods_change[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_documents uuid[] := array(
    select u.receipt_id from unnest(p_receipts) u where abs(u.clock_offset_seconds) > 120
  );
  v_goods stock.goods_change[] := '{}';
  v_change stock.goods_change;
begin
  foreach v_change in array coalesce(p_goods, '{}') loop
    if v_change.document_id = any(v_documents) and v_change.reason is null then
      v_change.reason := 'ambiguous_clock';
    end if;
    v_goods := v_goods || v_change;
  end loop;
  return v_goods;
end;
$$;
