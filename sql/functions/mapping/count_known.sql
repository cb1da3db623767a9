-- Purpose: takes the units of unmapped lines that are settled now off the days in which their tills
--   sold them; a line with an item counts with its base units then (terminals.count_days).
create or replace function mapping.count_known(p_cell integer, p_lines pos.asked_line[])
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  update pos.terminal_day d
  set
    unmapped_units = greatest(0, d.unmapped_units - w.unmapped),
    units = greatest(0, d.units + w.more)
  from (
    select
      p_cell as cell_id, r.terminal, r.epoch,
      least(r.occurred_at at time zone z.time_zone, x.recorded_at at time zone z.time_zone)::date
        as business_date,
      sum(abs(x.quantity)) as unmapped,
      sum(coalesce(abs(l.quantity) - abs(x.quantity), 0)) as more
    from unnest(p_lines) l
    join pos.receipt r on r.cell_id = p_cell and r.receipt_id = l.receipt_id
    join locations.location z on z.location_id = r.location_id
    join pos.exception x
      on x.cell_id = p_cell and x.receipt_id = l.receipt_id and x.line = l.line
      and x.kind = 'unmapped' and x.state = 'open'
    group by r.terminal, r.epoch, 4
  ) w
  where d.cell_id = w.cell_id and d.terminal = w.terminal and d.epoch = w.epoch
    and d.business_date = w.business_date;
end;
$$;
