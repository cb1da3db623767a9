-- Purpose: where the balance of an account stands in the array of a batch's balances: four for each
--   slot. Null for accounts that have no bottom (supplier, shrink, scrap, opening). Pure.
create or replace function stock.account_slot(p_slot integer, p_account text)
returns integer
language sql
immutable
parallel safe
as $$
  select (p_slot - 1) * 4
    + array_position(array['sellable', 'damaged', 'quarantine', 'display'], p_account)
$$;
