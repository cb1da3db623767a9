-- Purpose: a count as it is told: where it stands and what has been done, never what the book holds
--   before it is posted (blind, domain §2.5). Null where there is none.
create or replace function counts.tell_session(p_cell integer, p_session_id uuid)
returns jsonb
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
    select jsonb_build_object(
      'session_id', s.session_id, 'location', l.location, 'kind', s.kind, 'state', s.state,
      'round', s.round, 'limited', s.limited, 'reason', s.reason, 'task_id', s.task_id,
      'scans', s.scan_count, 'provisional', s.provisional, 'opened_at', s.opened_at,
      'active_at', s.active_at, 'submitted_at', s.submitted_at, 'approved_at', s.approved_at,
      'approved_by', s.approved_employee, 'ended_at', s.ended_at, 'version', s.version,
      'over_tolerance', case
        when s.state in ('submitted', 'approved', 'posted') then s.over_tolerance
      end,
      'zones', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'zone', z.zone, 'scans', z.scans, 'closed_at', z.closed_at
        ) order by z.zone), '[]')
        from counts.zone z
        where z.cell_id = p_cell and z.session_id = p_session_id
      ),
      'posted', case when s.state in ('approved', 'posted') then (
        select jsonb_build_object(
          'items', count(*), 'matching', count(*) filter (where i.counted = i.expected),
          'net', coalesce(sum(i.counted - i.expected), 0),
          'absolute', coalesce(sum(abs(i.counted - i.expected)), 0)
        )
        from counts.item i
        where i.cell_id = p_cell and i.session_id = p_session_id and i.posted_at is not null
      ) end
    )
    from counts.session s
    join locations.location l on l.location_id = s.location_id
    where s.cell_id = p_cell and s.session_id = p_session_id
  );
end;
$$;
