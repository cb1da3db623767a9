-- Purpose: the tills of a place that may still send what was sold until p_at: in service, in their newest
--   life, and not heard out until then, or with a number missing (domain §2.5, contract §12).
create or replace function counts.unheard(
  p_cell integer, p_location_id integer, p_at timestamptz
)
returns text[]
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
  return (
    select array_agg(t.terminal order by t.terminal)
    from pos.terminal t
    where t.cell_id = p_cell and t.location_id = p_location_id and t.in_service
      -- one that never sent anything is not yet in service
      and t.last_seen_at is not null
      and not exists (
        select 1
        from pos.terminal n
        where n.cell_id = p_cell and n.terminal = t.terminal and n.epoch > t.epoch
      )
      and (t.synced_through is null or t.synced_through < p_at or exists (
        select 1
        from pos.exception x
        where x.cell_id = p_cell and x.terminal = t.terminal and x.epoch = t.epoch
          and x.kind = 'gap' and x.state = 'open'
      ))
  );
end;
$$;
