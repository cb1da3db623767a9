-- Purpose: what the tills of some places leave open, for reads and holds: since when the oldest of
--   those that are silent was heard out, and whether more than 2 % of what was sold today (by the
--   place's calendar) is no known item (domain §1.5, §1.6). A till that never sent anything, or is
--   out of service, or had a newer life since, makes nothing stale.
-- Lock order: places by location, after tills and stock levels. Locked before they are computed, so
--   that two tills that wake at once do not each leave the other's silence behind.
create or replace function terminals.sync_places(
  p_cell integer, p_locations integer[], p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  if coalesce(cardinality(p_locations), 0) = 0 then
    return;
  end if;
  insert into stock.place_sync (cell_id, location_id, changed_at)
  select p_cell, u.location_id, p_now
  from (select distinct p.location_id from unnest(p_locations) p (location_id)) u
  order by u.location_id
  on conflict on constraint place_sync_pkey do nothing;
  perform 1
  from stock.place_sync s
  where s.cell_id = p_cell and s.location_id = any(p_locations)
  order by s.location_id
  for update;

  update stock.place_sync s
  set stale_since = w.stale_since, doubtful = w.doubtful, changed_at = p_now
  from (
    select
      l.location_id, (
        select min(coalesce(t.synced_through, t.last_seen_at))
        from pos.terminal t
        where t.cell_id = p_cell and t.location_id = l.location_id and t.in_service
          and t.state in ('stale', 'offline') and not exists (
            select 1
            from pos.terminal n
            where n.cell_id = t.cell_id and n.terminal = t.terminal and n.epoch > t.epoch
          )
      ) as stale_since,
      coalesce((
        select sum(d.unmapped_units) > 0.02 * sum(d.units)
        from pos.terminal_day d
        where d.cell_id = p_cell and d.location_id = l.location_id
          and d.business_date = (p_now at time zone l.time_zone)::date
      ), false) as doubtful
    from locations.location l
    where l.location_id = any(p_locations)
  ) w
  where s.cell_id = p_cell and s.location_id = w.location_id
    and (s.stale_since, s.doubtful) is distinct from (w.stale_since, w.doubtful);
end;
$$;
