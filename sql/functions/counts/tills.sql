-- Purpose: the tills of a place in service, in their newest life, and until when each is heard out: what it
--   sold before is known (contract §12); never, where a number is missing (domain §2.5).
create or replace function counts.tills(p_cell integer, p_location_id integer)
returns table (terminal text, heard_until timestamptz)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select t.terminal, case
    when exists (
      select 1
      from pos.exception x
      where x.cell_id = p_cell and x.terminal = t.terminal and x.epoch = t.epoch
        and x.kind = 'gap' and x.state = 'open'
    ) then '-infinity'
    else coalesce(t.synced_through, '-infinity')
  end
  from pos.terminal t
  where t.cell_id = p_cell and t.location_id = p_location_id and t.in_service
    -- one that never sent anything is not yet in service
    and t.last_seen_at is not null
    and not exists (
      select 1
      from pos.terminal n
      where n.cell_id = p_cell and n.terminal = t.terminal and n.epoch > t.epoch
    );
end;
$$;
