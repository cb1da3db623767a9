-- Purpose: moves claims by their changes; one that was not there yet is made, of the kind of holder
--   told. One change a (holder, place, item) and kind at most.
create or replace function transfers.change_claims(
  p_cell integer, p_holder_kind text, p_claims stock.claim_change[]
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  insert into stock.claim (
    cell_id, location_id, sku_id, holder_id, holder_kind, line, quantity, open_quantity
  )
  select
    p_cell, u.location_id, u.sku_id, u.holder_id, p_holder_kind,
    row_number() over (partition by u.holder_id order by u.ordinality), 0, 0
  from unnest(p_claims) with ordinality u
  where u.kind = 'claim'
  order by u.location_id, u.sku_id, u.holder_id
  on conflict on constraint claim_pkey do nothing;

  update stock.claim c
  set
    quantity = c.quantity + greatest(0, w.reserved),
    open_quantity = c.open_quantity + w.reserved,
    staged_quantity = c.staged_quantity + w.reserved - w.unpicked
  from (
    select
      u.holder_id, u.location_id, u.sku_id, sum(u.reserved_change) as reserved,
      sum(u.unpicked_change) as unpicked
    from unnest(p_claims) u
    group by u.holder_id, u.location_id, u.sku_id
  ) w
  where c.cell_id = p_cell and c.holder_id = w.holder_id and c.location_id = w.location_id
    and c.sku_id = w.sku_id;
end;
$$;
