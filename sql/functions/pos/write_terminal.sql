-- Purpose: one command of put_terminal. A twin in another process that registers the same life is
--   waited for, and its row changed.
create or replace function pos.write_terminal(
  p_cell integer, p_terminal text, p_epoch integer, p_location text, p_name text,
  p_first_sequence bigint, p_now timestamptz
)
returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_location integer;
  v_epoch integer;
  v_version bigint;
begin
  select l.location_id into v_location
  from locations.location l
  where l.location = p_location and l.cell_id = p_cell;
  if not found then
    return 'unknown_location';
  end if;
  v_epoch := coalesce(p_epoch, (
    select max(t.epoch) from pos.terminal t where t.cell_id = p_cell and t.terminal = p_terminal
  ), 1);
  insert into pos.terminal (
    cell_id, terminal, epoch, location_id, name, first_sequence, changed_at
  ) values (p_cell, p_terminal, v_epoch, v_location, p_name, p_first_sequence, p_now)
  on conflict on constraint terminal_pkey do nothing;
  if found then
    return 'created';
  end if;
  update pos.terminal t
  set
    location_id = v_location, name = p_name,
    first_sequence = coalesce(p_first_sequence, t.first_sequence),
    version = t.version + 1, changed_at = p_now
  where t.cell_id = p_cell and t.terminal = p_terminal and t.epoch = v_epoch
    and (t.location_id, t.name, t.first_sequence) is distinct from (
      v_location, p_name, coalesce(p_first_sequence, t.first_sequence)
    )
  returning t.version into v_version;
  return case when v_version is null then 'unchanged' else 'updated' end;
end;
$$;
