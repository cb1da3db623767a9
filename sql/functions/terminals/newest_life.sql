-- Purpose: a till in its newest life, if a token's list of locations (null: all) has its place.
create or replace function terminals.newest_life(
  p_cell integer, p_terminal text, p_locations text[]
)
returns pos.terminal
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_terminal pos.terminal;
begin
  select t.* into v_terminal
  from pos.terminal t
  where t.cell_id = p_cell and t.terminal = p_terminal
  order by t.epoch desc
  limit 1;
  if p_locations is not null and not exists (
    select 1
    from locations.location l
    where l.location_id = v_terminal.location_id and l.location = any(p_locations)
  ) then
    return null;
  end if;
  return v_terminal;
end;
$$;
