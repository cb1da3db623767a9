-- Purpose: one page of stock.measure_rates: a level's units that went to customers in the last 28 days
--   less what was taken back as never sold, by the place's open hours in that time. A level without
--   sales, or whose place was never open, has no rate. The ledger is read only where anything moved
--   since, by the level's key and in its order, as in trust.moved_after.
create or replace function trust.measure_page(
  p_cell integer, p_location_id integer, p_sku_id integer, p_most integer, p_now timestamptz,
  out levels bigint, out last_location_id integer, out last_sku_id integer
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_since timestamptz := p_now - interval '28 days';
begin
  with page as materialized (
    select s.location_id, s.sku_id, s.last_moved_at >= v_since as is_alive
    from stock.stock_level s
    where s.cell_id = p_cell and (s.location_id, s.sku_id) > (p_location_id, p_sku_id)
    order by s.location_id, s.sku_id
    limit p_most
  ), place as materialized (
    select g.location_id, locations.open_hours(g.location_id, v_since, p_now) as hours
    from page g
    where g.is_alive
    group by g.location_id
  ), sold as materialized (
    select g.location_id, g.sku_id, u.units / h.hours as rate
    from page g
    join place h on h.location_id = g.location_id and h.hours > 0
    cross join lateral (
      select sum(o.change) as units
      from (
        select case when e.to_account = 'customer' then e.quantity else -e.quantity end as change
        from stock.ledger_entry e
        where e.cell_id = p_cell and e.location_id = g.location_id and e.sku_id = g.sku_id
          and e.occurred_at >= v_since and e.recorded_at >= v_since - interval '1 day'
          and (
            e.to_account = 'customer' or (e.from_account = 'customer' and e.reverses is not null)
          )
        order by e.ledger_sequence
        offset 0
      ) o
    ) u
    where g.is_alive and u.units > 0
  ), gone as (
    delete from stock.sales_rate r
    using (
      select p_cell as cell_id, n.location_id, n.sku_id
      from page n
      where (n.location_id, n.sku_id) not in (select d.location_id, d.sku_id from sold d)
      offset 0
    ) g
    where r.cell_id = g.cell_id and r.location_id = g.location_id and r.sku_id = g.sku_id
  ), kept as (
    insert into stock.sales_rate (cell_id, location_id, sku_id, units_per_hour, measured_at)
    select p_cell, d.location_id, d.sku_id, d.rate, p_now
    from sold d
    order by d.location_id, d.sku_id
    on conflict on constraint sales_rate_pkey do update
    set units_per_hour = excluded.units_per_hour, measured_at = excluded.measured_at
  )
  select count(*), (array_agg(g.location_id order by g.location_id desc, g.sku_id desc))[1],
    (array_agg(g.sku_id order by g.location_id desc, g.sku_id desc))[1]
  into levels, last_location_id, last_sku_id
  from page g;
end;
$$;
