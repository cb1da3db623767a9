-- Purpose: how many units of one item are never promised at one place (null: as the item or the
--   place says). Policy, not goods: the ledger has no entry of it (domain §1.1).
-- Takes: commands of stock.commands.SetSafetyStock.
-- Lock order: stock levels by (location, sku), then the cell's state.
-- Outcomes: set (with the level after it) · precondition_failed · not_found · not_stock_tracked ·
--   idempotency_key_reused. Of two in one batch the later one stands.
-- Events: stock.changed, where it did.
create or replace function stock.set_safety_stock(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_asked stock.asked_count[];
  v_outcomes jsonb[];
  v_events events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  v_asked := stock.parse_levels(p_cell, p_commands);
  perform stock.lock_levels(
    p_cell, v_now, array_agg(u.location_id), array_agg(u.sku_id), array_agg(u.problem is null)
  )
  from unnest(v_asked) u
  where u.problem is null;
  v_outcomes := web.seen_outcomes(p_cell, p_commands);

  select array_agg(
    coalesce(v_outcomes[u.command], case
      when u.problem is not null then jsonb_build_object('code', u.problem)
      when u.if_change <> s.change_count then '{"code": "precondition_failed"}'
    end)
    order by u.command
  )
  into v_outcomes
  from unnest(v_asked) u
  left join stock.stock_level s
    on s.cell_id = p_cell and s.location_id = u.location_id and s.sku_id = u.sku_id;

  with wanted as (
    select distinct on (u.slot) u.*
    from unnest(v_asked) u
    where v_outcomes[u.command] is null
    order by u.slot, u.command desc
  ), changed as (
    update stock.stock_level s
    set safety_stock = w.safety_stock
    from wanted w
    where s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id
      and s.safety_stock is distinct from w.safety_stock
    returning s.location_id, s.sku_id, w.client_id
  )
  select stock.touch_levels(p_cell, v_now, 'stock.safety_stock_set', array_agg(c.location_id),
    array_agg(c.sku_id), array_agg(c.client_id))
  into v_events
  from changed c;

  select array_agg(
    coalesce(v_outcomes[u.command], jsonb_build_object('code', 'set', 'level', (
      select to_jsonb(r) from stock.read_level(p_cell, u.location, u.sku, v_now) r
    )))
    order by u.command
  )
  into v_outcomes
  from unnest(v_asked) u;
  v_outcomes := web.settle_twins(v_outcomes);
  perform web.remember(p_cell, 'stock.set_safety_stock', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
