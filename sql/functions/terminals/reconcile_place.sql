-- Purpose: what a place and its tills leave open on one day of its calendar (null: today): states,
--   gaps, Z-counts, barcodes that nobody knows by units, conflicts, what review holds, and how far
--   the book was off where it was counted last (sum of |variance| over expected units).
create or replace function terminals.reconcile_place(
  p_location locations.location, p_date date, p_now timestamptz
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_date date := coalesce(p_date, (p_now at time zone p_location.time_zone)::date);
  v_end timestamptz := (v_date + 1)::timestamp at time zone p_location.time_zone;
  v_tills jsonb;
  v_open jsonb;
  v_codes jsonb;
  v_drift record;
begin
  select jsonb_agg(terminals.reconcile_terminal(t, v_date, p_now) order by t.terminal, t.epoch)
  into v_tills
  from pos.terminal t
  where t.cell_id = p_location.cell_id and t.location_id = p_location.location_id and not exists (
    select 1
    from pos.terminal n
    where n.cell_id = t.cell_id and n.terminal = t.terminal and n.epoch > t.epoch
  );
  select jsonb_object_agg(k.kind, k.count) into v_open
  from (
    select x.kind, count(*)
    from pos.exception x
    where x.cell_id = p_location.cell_id and x.location_id = p_location.location_id and x.state = 'open'
    group by x.kind
  ) k;
  select jsonb_agg(jsonb_build_object('code', k.code, 'units', k.units, 'lines', k.lines)
    order by k.units desc, k.code)
  into v_codes
  from (
    select coalesce(x.code, x.sku, x.gtin) as code, sum(abs(x.quantity)) as units, count(*) as lines
    from pos.exception x
    where x.cell_id = p_location.cell_id and x.location_id = p_location.location_id and x.state = 'open'
      and x.kind = 'unmapped'
    group by 1
    order by 2 desc, 1
    limit 10
  ) k;
  select
    count(*) as items, sum(abs(w.counted - w.expected)) as variance, sum(w.expected) as expected,
    max(w.counted_at) as last_at
  into v_drift
  from (
    select distinct on (k.sku_id) k.sku_id, k.counted, k.expected, k.counted_at
    from stock.stock_count k
    where k.cell_id = p_location.cell_id and k.location_id = p_location.location_id and k.counted_at < v_end
    order by k.sku_id, k.counted_at desc
  ) w;
  return jsonb_build_object(
    'location', p_location.location, 'name', p_location.name, 'date', v_date, 'stale_since', (
      select s.stale_since
      from stock.place_sync s
      where s.cell_id = p_location.cell_id and s.location_id = p_location.location_id
    ), 'doubtful', coalesce((
      select s.doubtful
      from stock.place_sync s
      where s.cell_id = p_location.cell_id and s.location_id = p_location.location_id
    ), false), 'terminals', coalesce(v_tills, '[]'), 'open', coalesce(v_open, '{}'),
    'unmapped', coalesce(v_codes, '[]'), 'counted_items', v_drift.items,
    'variance', coalesce(v_drift.variance, 0), 'expected', coalesce(v_drift.expected, 0),
    'drift', round(v_drift.variance / nullif(v_drift.expected, 0), 4),
    'last_verified_at', v_drift.last_at
  );
end;
$$;
