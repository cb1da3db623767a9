-- Purpose: what can be promised now of one item at one place (contract §3, §12). Reads and holds
--   share it, so that what is shown is what can be held. Pure.
create or replace function stock.available(
  p_sellable bigint, p_unpicked bigint, p_safety bigint, p_stale_buffer bigint, p_frozen text
)
returns bigint
language sql
immutable
parallel safe
as $$
  select case
    when p_frozen is not null then 0
    else greatest(0, p_sellable - p_unpicked - p_safety - p_stale_buffer)
  end
$$;
