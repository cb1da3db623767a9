-- Purpose: the id of a matter that a receipt raised: a UUIDv7 with the receipt's time and cell, made
--   from both, since only the asking process can make new ones. Pure.
create or replace function exceptions.exception_id(p_receipt_id uuid, p_matter text)
returns uuid
language sql
immutable
parallel safe
as $$
  select (
    substr(p_receipt_id::text, 1, 15) || substr(m.hash, 1, 3) || '-a' || substr(m.hash, 4, 3) || '-'
    || substr(m.hash, 7, 8) || right(p_receipt_id::text, 4)
  )::uuid
  from (select md5(p_receipt_id || p_matter) as hash) m
$$;
