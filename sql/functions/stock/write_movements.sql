-- Purpose: last step of record_movements: writes the posted entries and remembers what was decided,
--   events last. What was decided before is told again; a key's second use within the batch gets
--   what its first use got.
-- Returns: one outcome a command, in order.
create or replace function stock.write_movements(
  p_cell integer, p_commands jsonb, p_entries stock.asked_movement[], p_results jsonb[],
  p_seen jsonb[], p_now timestamptz
)
returns jsonb[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_outcomes jsonb[];
  v_goods stock.goods_change[];
  v_events events.new_event[];
begin
  select array_agg((e.location_id, e.sku_id, e.from_account, e.to_account, e.quantity, e.kind,
    e.occurred_at, e.movement, 'movement', e.reason, e.reference, e.client_id, null
  )::stock.goods_change order by e.ordinality)
  into v_goods
  from unnest(p_entries) with ordinality e
  where p_results[e.ordinality] ->> 'status' = 'posted';

  insert into stock.source_key (cell_id, client_id, source_key, movement_id)
  select p_cell, e.client_id, e.source_key, e.movement
  from unnest(p_entries) with ordinality e
  where e.source_key is not null and p_results[e.ordinality] ->> 'status' = 'posted';

  v_events := stock.post(p_cell, p_now, 'stock.moved', v_goods, null);

  select array_agg(
    coalesce(s.seen, jsonb_build_object('code', 'recorded', 'results', coalesce(r.results, '[]')))
    order by s.ordinality
  )
  into v_outcomes
  from unnest(p_seen) with ordinality s (seen, ordinality)
  left join (
    select e.command, jsonb_agg(p_results[e.ordinality] order by e.ordinality) as results
    from unnest(p_entries) with ordinality e
    group by e.command
  ) r on r.command = s.ordinality;
  v_outcomes := web.settle_twins(v_outcomes);
  perform web.remember(p_cell, 'stock.record_movements', p_commands, v_outcomes, p_now);
  perform events.write_events(p_cell, p_now, v_events);
  return v_outcomes;
end;
$$;
