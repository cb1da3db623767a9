-- Purpose: what stands where of one item, for each question of a batch: nearest first, or by name.
-- Takes: commands of availability.reads.ReadAvailability. A read: locks nothing, writes nothing.
-- Outcomes: found · unknown_sku. Each place is an array (availability.reads.PlaceRow): what changes
--   often; names and hours are kept by the reader under the location's version.
-- Built as json, once: nobody looks into it here.
create or replace function availability.read_availability(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns json
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  return (
    select json_agg(case
      when i.sku_id is null then '{"code": "unknown_sku"}'::json
      else json_build_object('code', 'found', 'sequence', coalesce(a.sequence, 0), 'at', a.at,
        'places', coalesce(a.places, '[]'::json))
    end order by c.ordinality)
    from rows from (
      jsonb_to_recordset(p_commands) as (
        sku text, latitude double precision, longitude double precision,
        radius_km double precision, most integer, everywhere boolean, locations text[]
      )
    ) with ordinality c (
      sku, latitude, longitude, radius_km, most, everywhere, locations, ordinality
    )
    left join lateral (
      select k.sku_id, k.safety_stock, k.stock_tracked
      from catalog.item k
      where k.sku = c.sku
      limit 1
    ) i on true
    left join lateral (
      select
        sum(n.version)::bigint as sequence, max(n.changed_at) as at,
        json_agg(json_build_array(n.location_id, n.location_version, n.distance,
          case
            when not i.stock_tracked then 'in_stock'
            else stock.level_word(n.available, n.display, n.unclaimed, n.frozen_reason,
              n.confidence, n.uncertain)
          end,
          n.available, n.confidence, n.changed_at) order by n.rank)
          filter (where n.within and n.rank <= c.most) as places
      from (
        select
          w.*, w.sellable - w.unpicked as unclaimed,
          stock.available(w.sellable, w.unpicked,
            coalesce(w.safety_stock, i.safety_stock, w.location_safety), w.stale_buffer,
            w.frozen_reason)
          as available,
          trust.confidence(w.verified_at, w.sellable, w.not_found, w.stale, v_now) as confidence,
          row_number() over (order by not w.within, w.distance, w.name, w.location) as rank
        from availability.places_of(
          p_cell, i.sku_id, i.stock_tracked, c.everywhere, c.latitude, c.longitude, c.radius_km,
          v_now
        ) w
        where c.locations is null or w.location = any (c.locations)
      ) n
    ) a on i.sku_id is not null
  );
end;
$$;
