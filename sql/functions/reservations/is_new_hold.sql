-- Purpose: whether an outcome of place_hold is a hold made by this very batch. Pure, inlined.
create or replace function reservations.is_new_hold(p_outcome jsonb)
returns boolean
language sql
immutable
parallel safe
as $$
  select p_outcome ->> 'code' = 'placed' and not p_outcome ? 'replayed'
$$;
