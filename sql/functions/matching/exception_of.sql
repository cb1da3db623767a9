-- Purpose: the id of the exception about a sale line that may be the same unit as a handover. Pure.
create or replace function matching.exception_of(p_receipt pos.receipt, p_line integer)
returns uuid
language sql
immutable
parallel safe
as $$
  select exceptions.exception_id(
    (p_receipt).receipt_id, 'match' || (p_receipt).fingerprint || p_line
  )
$$;
