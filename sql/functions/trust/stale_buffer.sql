-- Purpose: what silent tills of a place may have sold of an item since they were last heard out: mean
--   units an open hour (stock.measure_rates), times the open hours since, rounded up, so at least 1
--   as soon as the place was open; 0 where it has no history (domain §1.6, contract §12).
-- Called only for places of which a till is silent. Millionths are cut off: hours are no exact number.
create or replace function trust.stale_buffer(
  p_cell integer, p_location_id integer, p_sku_id integer, p_since timestamptz, p_now timestamptz
)
returns bigint
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_rate double precision;
begin
  select r.units_per_hour into v_rate
  from stock.sales_rate r
  where r.cell_id = p_cell and r.location_id = p_location_id and r.sku_id = p_sku_id;
  if not found then
    return 0;
  end if;
  return ceil(round(
    (v_rate * locations.open_hours(p_location_id, p_since, p_now))::numeric, 6
  ))::bigint;
end;
$$;
