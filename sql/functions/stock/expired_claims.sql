-- Purpose: units that open holds still keep at a place although their time is over. Reads and guards
--   subtract them at once; the release itself is written by the next job (contract §12, Expiry).
--   Called only when the level's next_expiry_at has passed. Returns (reserved, unpicked).
create or replace function stock.expired_claims(
  p_cell integer, p_location_id integer, p_sku_id integer, p_now timestamptz,
  out reserved bigint, out unpicked bigint
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    coalesce(sum(c.open_quantity), 0)::bigint,
    coalesce(sum(c.open_quantity - c.staged_quantity), 0)::bigint
  from stock.claim c
  where c.cell_id = p_cell and c.location_id = p_location_id and c.sku_id = p_sku_id
    and c.open_quantity > 0 and c.expires_at <= p_now
$$;
