-- Purpose: what follows from levels that are in trouble, in the transaction that made it: where less
--   is on the shelf than is promised from it there is exactly one shortfall, by so much (I4), and
--   none where that is over; a frozen level has an open count task; one that fell below zero is told.
-- Stored sums count: what expired holds still claim is released by its own posting.
-- Returns: the stock.negative events, each numbered before the level's stock.changed.
create or replace function trust.note_trouble(
  p_cell integer, p_now timestamptz, p_cause text, p_troubles trust.trouble[]
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_events events.new_event[];
begin
  delete from stock.shortfall f
  using (
    select p_cell as cell_id, t.location_id, t.sku_id
    from unnest(p_troubles) t
    cross join lateral (
      select v.*
      from stock.stock_level v
      where v.cell_id = p_cell and v.location_id = t.location_id and v.sku_id = t.sku_id
      limit 1
    ) s
    where s.sellable >= s.unpicked
    offset 0
  ) o
  where f.cell_id = o.cell_id and f.location_id = o.location_id and f.sku_id = o.sku_id;

  insert into stock.shortfall (cell_id, location_id, sku_id, quantity, opened_at)
  select p_cell, s.location_id, s.sku_id, s.unpicked - s.sellable, p_now
  from unnest(p_troubles) t
  cross join lateral (
    select v.*
    from stock.stock_level v
    where v.cell_id = p_cell and v.location_id = t.location_id and v.sku_id = t.sku_id
    limit 1
  ) s
  where s.sellable < s.unpicked
  order by s.location_id, s.sku_id
  on conflict on constraint shortfall_pkey do update set quantity = excluded.quantity
  where shortfall.quantity <> excluded.quantity;

  perform trust.open_tasks(
    p_cell, p_now, s.frozen_reason, array_agg(s.location_id), array_agg(s.sku_id)
  )
  from unnest(p_troubles) t
  cross join lateral (
    select v.*
    from stock.stock_level v
    where v.cell_id = p_cell and v.location_id = t.location_id and v.sku_id = t.sku_id
    limit 1
  ) s
  where s.frozen_reason in ('negative_stock', 'not_found')
  group by s.frozen_reason
  order by s.frozen_reason;

  select array_agg(
    (p_now, 'stock.negative', 'stock/' || l.location || '/' || i.sku, s.change_count - 1,
      t.client_id, jsonb_build_object('location', l.location, 'sku', i.sku, 'cause', p_cause,
        'sellable', s.sellable, 'unpicked', s.unpicked)
    )::events.new_event order by s.location_id, s.sku_id
  )
  into v_events
  from unnest(p_troubles) t
  cross join lateral (
    select v.*
    from stock.stock_level v
    where v.cell_id = p_cell and v.location_id = t.location_id and v.sku_id = t.sku_id
    limit 1
  ) s
  join locations.location l on l.location_id = t.location_id
  join catalog.item i on i.sku_id = t.sku_id
  where t.fell;
  return v_events;
end;
$$;
