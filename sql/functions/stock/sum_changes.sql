-- Purpose: by how much a batch changes each level: what stock.move_levels adds. The cell comes with
--   each row, so that the levels can only be looked up by key, whatever the planner believes of them.
create or replace function stock.sum_changes(
  p_cell integer, p_goods stock.goods_change[], p_claims stock.claim_change[]
)
returns table (
  cell_id integer, location_id integer, sku_id integer, entries bigint, sellable numeric, staged numeric,
  quarantine numeric, damaged numeric, display numeric, missing numeric, reserved numeric,
  unpicked numeric, expires_at timestamptz, client_id integer, moved_at timestamptz,
  last_moved_at timestamptz, not_found_at timestamptz[]
)
language plpgsql
immutable
rows 1
set search_path = ''
as $$
begin
  return query
  select
    p_cell, e.location_id, e.sku_id, count(*) as entries, sum(e.sellable) as sellable,
    sum(e.staged) as staged, sum(e.quarantine) as quarantine, sum(e.damaged) as damaged,
    sum(e.display) as display, sum(e.missing) as missing, sum(e.reserved) as reserved,
    sum(e.unpicked) as unpicked, min(e.expires_at) as expires_at, max(e.client_id) as client_id,
    min(e.moved_at) as moved_at, max(e.moved_at) as last_moved_at,
    array_agg(e.moved_at) filter (where e.is_not_found) as not_found_at
  from (
    select
      g.location_id, g.sku_id,
      stock.account_change(g, 'sellable') as sellable, stock.account_change(g, 'staged') as staged,
      stock.account_change(g, 'quarantine') as quarantine,
      stock.account_change(g, 'damaged') as damaged, stock.account_change(g, 'display') as display,
      stock.account_change(g, 'missing') as missing, 0::bigint as reserved, 0::bigint as unpicked,
      null::timestamptz as expires_at, g.client_id, g.occurred_at as moved_at,
      g.kind = 'not_found' as is_not_found
    from unnest(p_goods) g
    union all
    select
      c.location_id, c.sku_id, 0, 0, 0, 0, 0, 0, c.reserved_change, c.unpicked_change,
      c.expires_at, c.client_id, null, false
    from unnest(p_claims) c
  ) e
  group by e.location_id, e.sku_id;
end;
$$;
