-- Purpose: the id of a gap: a UUIDv7 of the moment and the cell, made from what it is a gap of, since
--   only the asking process can make new ones. Pure.
create or replace function terminals.gap_id(
  p_terminal pos.terminal, p_first bigint, p_now timestamptz
)
returns uuid
language sql
immutable
parallel safe
as $$
  select (
    substr(m.moment, 1, 8) || '-' || substr(m.moment, 9, 4) || '-7' || substr(m.hash, 1, 3)
    || '-a' || substr(m.hash, 4, 3) || '-' || substr(m.hash, 7, 8)
    || lpad(to_hex((p_terminal).cell_id), 4, '0')
  )::uuid
  from (
    select
      lpad(to_hex((extract(epoch from p_now) * 1000)::bigint), 12, '0') as moment,
      md5((p_terminal).terminal || '/' || (p_terminal).epoch || '/' || p_first) as hash
  ) m
$$;
