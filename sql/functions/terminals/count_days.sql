-- Purpose: counts what came into its till's day (by the place's calendar; a day that is still to
--   come is today): receipts once, units of lines that are posted or that nobody knows, the lag.
--   A receipt that review lets go has been counted; its units have not.
-- Returns: the places with units that nobody knows; null where there are none.
create or replace function terminals.count_days(
  p_cell integer, p_receipts pos.asked_receipt[], p_lines pos.asked_line[], p_now timestamptz
)
returns integer[]
language plpgsql
security definer
set search_path = ''
set enable_nestloop = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_unmapped integer[];
begin
  with counted as materialized (
    select
      w.terminal, w.epoch, w.business_date, min(w.location_id) as location_id,
      sum(w.receipts) as receipts, sum(w.units) as units, sum(w.unmapped) as unmapped,
      max(w.lag) as lag
    from (
      select
        r.terminal, r.epoch, r.location_id, (r.version = 0)::integer as receipts,
        least(b.said at time zone z.time_zone, p_now at time zone z.time_zone)::date
          as business_date,
        coalesce(x.units, 0) as units, coalesce(x.unmapped, 0) as unmapped,
        case when r.version = 0 then greatest(0, least(
          2000000000, extract(epoch from p_now - r.occurred_at)
        ))::integer else 0 end as lag
      from unnest(p_receipts) r
      join locations.location z on z.location_id = r.location_id
      left join (
        select
          u.command, sum(abs(u.quantity)) as units,
          sum(abs(u.quantity)) filter (where u.sku_id is null) as unmapped
        from unnest(p_lines) u
        group by u.command
      ) x on x.command = r.command
      cross join lateral (
        select case
          when r.clock_offset_seconds is null then r.occurred_at
          else (r.body ->> 'occurred_at')::timestamptz
        end as said
      ) b
      where not r.code = any(
        '{unknown_terminal,forbidden_location,seen,duplicate,conflict}'::text[]
      )
    ) w
    group by w.terminal, w.epoch, w.business_date
  ), written as (
    insert into pos.terminal_day as d (
      cell_id, terminal, epoch, business_date, location_id, receipts, units, unmapped_units,
      lag_seconds_max
    )
    select
      p_cell, c.terminal, c.epoch, c.business_date, c.location_id, c.receipts, c.units,
      c.unmapped, c.lag
    from counted c
    order by c.terminal, c.epoch, c.business_date
    on conflict on constraint terminal_day_pkey do update
    set
      receipts = d.receipts + excluded.receipts, units = d.units + excluded.units,
      unmapped_units = d.unmapped_units + excluded.unmapped_units,
      lag_seconds_max = greatest(d.lag_seconds_max, excluded.lag_seconds_max)
  )
  select array_agg(distinct c.location_id) into v_unmapped
  from counted c
  where c.unmapped > 0;
  return v_unmapped;
end;
$$;
