-- Purpose: receipts with a line as large as a mistyped barcode are not posted but held for review.
create or replace function pos.hold_large(
  inout p_receipts pos.asked_receipt[], inout p_lines pos.asked_line[]
)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_held integer[] := array(select distinct u.command from unnest(p_lines) u where u.large);
  v_receipt pos.asked_receipt;
  v_command integer;
begin
  if cardinality(v_held) = 0 then
    return;
  end if;
  foreach v_command in array v_held loop
    v_receipt := p_receipts[v_command];
    v_receipt.code := 'held_for_review';
    p_receipts[v_command] := v_receipt;
  end loop;
  p_lines := array(select u from unnest(p_lines) u where not u.command = any(v_held));
end;
$$;
