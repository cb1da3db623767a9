-- Purpose: last step of record_movements: writes the posted entries, events last.
create or replace function stock.write_movements(
  p_cell integer, p_entries stock.asked_movement[], p_results jsonb[], p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_goods stock.goods_change[];
begin
  select array_agg((e.location_id, e.sku_id, e.from_account, e.to_account, e.quantity, e.kind,
    e.occurred_at, e.movement, 'movement', e.reason, e.reference, e.client_id, null
  )::stock.goods_change order by e.ordinality)
  into v_goods
  from unnest(p_entries) with ordinality e
  where p_results[e.ordinality] ->> 'status' = 'posted';
  if v_goods is null then
    return null;
  end if;

  insert into stock.source_key (cell_id, client_id, source_key, movement_id)
  select p_cell, e.client_id, e.source_key, e.movement
  from unnest(p_entries) with ordinality e
  where e.source_key is not null and p_results[e.ordinality] ->> 'status' = 'posted';

  return stock.post(p_cell, p_now, 'stock.moved', v_goods, null);
end;
$$;
