-- Purpose: why an action does not settle an exception of a kind, and what to do instead; null if it
--   does. Pure.
create or replace function exceptions.advice(p_kind text, p_action text)
returns text
language sql
immutable
parallel safe
as $$
  select case p_kind
    when 'unmapped' then case p_action
      when 'accept' then 'Nobody knows this item yet: map it to a sku, or reject the line.'
    end
    when 'held_for_review' then case p_action
      when 'map' then 'Accept posts the receipt with its own time, reject never posts it.'
    end
    when 'over_return' then case p_action
      when 'map' then 'Accept keeps the units in quarantine, reject hands them back.'
    end
    when 'match' then case p_action
      when 'map' then 'Accept says that both are one unit, reject that they are two.'
    end
    when 'gap' then case p_action
      when 'accept' then null
      else 'The till may still send what is missing; accept says that it never comes.'
    end
    when 'conflict' then case p_action
      when 'reject' then null
      else 'The first receipt under this number stands. If this one happened too, have the till'
        || ' send it under a new number, then reject it here.'
    end
    when 'parked' then case p_action
      when 'reject' then null
      else 'The void is posted by itself as soon as its sale comes; reject gives it up.'
    end
    when 'unknown_terminal' then case p_action
      when 'reject' then null
      else 'Register the terminal and send the receipt again: it is posted then, and this is'
        || ' settled by itself. Reject gives it up.'
    end
    when 'fractional_quantity' then case p_action
      when 'reject' then null
      else 'There are no parts of a base unit: correct the item''s unit and scale and record the'
        || ' goods by POST /v1/stock/movements, then reject the line here.'
    end
  end
$$;
