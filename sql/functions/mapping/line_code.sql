-- Purpose: a line's code as it is looked up: 14 digits where the till scanned a barcode, else what it
--   scanned; null where it named an item only.
create or replace function mapping.line_code(p_receipt pos.asked_receipt, p_line integer)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select coalesce((p_receipt).codes ->> (e.ordinality - 1)::integer, e.line ->> 'gtin')
    from jsonb_array_elements((p_receipt).body -> 'lines') with ordinality e (line, ordinality)
    where (e.line ->> 'line')::integer = p_line
    limit 1
  );
end;
$$;
