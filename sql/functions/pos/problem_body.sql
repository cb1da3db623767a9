-- Purpose: a line's problem as the reply, the receipt and the events tell it. Pure.
create or replace function pos.problem_body(p_problem pos.line_problem)
returns jsonb
language sql
immutable
parallel safe
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'line', (p_problem).line, 'code', (p_problem).code, 'quantity', (p_problem).quantity,
    'gtin', (p_problem).gtin, 'sku', (p_problem).sku,
    'detail', case (p_problem).code
      when 'unmapped' then 'No item has this code: the line is kept and moves no stock.'
      when 'fractional_quantity' then
        'No whole number of base units: the line is kept and moves no stock.'
      when 'over_return' then 'More units than were sold and not yet returned: kept in quarantine.'
      when 'sale_not_found' then 'The named sale line is not here: taken as a return without a sale.'
    end
  ))
$$;
