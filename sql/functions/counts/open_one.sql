-- Purpose: one count of open_session. A task names the item to be counted; named items limit the count.
create or replace function counts.open_one(
  p_cell integer, p_command jsonb, p_now timestamptz,
  out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_id uuid := (p_command ->> 'session_id')::uuid;
  v_task uuid := (p_command ->> 'task_id')::uuid;
  v_location_id integer;
  v_skus record;
begin
  select l.location_id into v_location_id
  from locations.location l
  where l.location = p_command ->> 'location' and l.cell_id = p_cell;
  if v_location_id is null then
    outcome := '{"code": "unknown_location"}';
    return;
  end if;
  select
    array_agg(distinct w.sku_id) filter (where w.sku_id is not null) as known,
    jsonb_agg(w.sku) filter (where w.sku_id is null) as unknown, bool_or(w.tasked) as tasked
  into v_skus
  from (
    select s.sku, i.sku_id, false as tasked
    from jsonb_array_elements_text(p_command -> 'skus') s (sku)
    left join catalog.item i on i.sku = s.sku and i.stock_tracked
    union all
    select null, t.sku_id, true
    from stock.count_task t
    where t.cell_id = p_cell and t.location_id = v_location_id and t.task_id = v_task
      and t.done_at is null
  ) w;
  if v_task is not null and v_skus.tasked is not true then
    outcome := '{"code": "unknown_task"}';
    return;
  end if;
  if v_skus.unknown is not null then
    outcome := jsonb_build_object('code', 'unknown_sku', 'names', v_skus.unknown);
    return;
  end if;
  insert into counts.session (
    cell_id, session_id, location_id, kind, state, limited, reason, task_id, opened_by, opened_at,
    active_at, event_count
  ) values (
    p_cell, v_id, v_location_id, p_command ->> 'kind', 'open', v_skus.known is not null,
    p_command ->> 'reason', v_task, (p_command ->> 'client_id')::integer, p_now, p_now, 1
  );
  insert into counts.zone (cell_id, session_id, zone)
  select p_cell, v_id, z.zone
  from jsonb_array_elements_text(p_command -> 'zones') z (zone);
  insert into counts.item (cell_id, session_id, sku_id, round)
  select p_cell, v_id, k.sku_id, 1
  from unnest(v_skus.known) k (sku_id);
  outcome := jsonb_build_object('code', 'opened', 'session', counts.tell_session(p_cell, v_id));
  news := array[(
    p_now, 'count.opened', 'count/' || v_id, 1, (p_command ->> 'client_id')::integer,
    outcome -> 'session'
  )::events.new_event];
end;
$$;
