-- Purpose: one command of put_terminal. A twin in another process that registers the same life is
--   waited for, and its row changed. A new life goes on numbering the till's events.
create or replace function terminals.write_terminal(
  p_cell integer, p_terminal text, p_epoch integer, p_location text, p_name text,
  p_first_sequence bigint, p_in_service boolean, p_now timestamptz,
  out code text, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_location integer;
  v_newest pos.terminal := terminals.newest_life(p_cell, p_terminal, null);
  v_before pos.terminal;
  v_after pos.terminal;
begin
  select l.location_id into v_location
  from locations.location l
  where l.location = p_location and l.cell_id = p_cell;
  if not found then
    code := 'unknown_location';
    return;
  end if;
  insert into pos.terminal (
    cell_id, terminal, epoch, location_id, name, first_sequence, in_service, event_count,
    changed_at
  ) values (
    p_cell, p_terminal, coalesce(p_epoch, v_newest.epoch, 1), v_location, p_name,
    p_first_sequence, coalesce(p_in_service, true), coalesce(v_newest.event_count, 0), p_now
  )
  on conflict on constraint terminal_pkey do nothing;
  if found then
    code := 'created';
    -- a life that another one follows makes nothing stale any more
    perform terminals.sync_places(p_cell, array_remove(array[v_newest.location_id], null), p_now);
    return;
  end if;
  select t.* into v_before
  from pos.terminal t
  where t.cell_id = p_cell and t.terminal = p_terminal
    and t.epoch = coalesce(p_epoch, v_newest.epoch, 1)
  for update;
  update pos.terminal t
  set
    location_id = v_location, name = p_name,
    first_sequence = coalesce(p_first_sequence, t.first_sequence),
    in_service = coalesce(p_in_service, t.in_service), version = t.version + 1, changed_at = p_now
  where t.cell_id = p_cell and t.terminal = p_terminal and t.epoch = v_before.epoch
    and (t.location_id, t.name, t.first_sequence, t.in_service) is distinct from (
      v_location, p_name, coalesce(p_first_sequence, t.first_sequence),
      coalesce(p_in_service, t.in_service)
    )
  returning t.* into v_after;
  code := case when v_after.version is null then 'unchanged' else 'updated' end;
  if v_before.first_sequence <> v_after.first_sequence then
    news := terminals.move_first(p_cell, v_before.first_sequence, v_after, p_now);
  end if;
  if (v_before.location_id, v_before.in_service)
      is distinct from (v_after.location_id, v_after.in_service) and code = 'updated' then
    perform terminals.sync_places(
      p_cell, array[v_before.location_id, v_after.location_id], p_now
    );
  end if;
end;
$$;
