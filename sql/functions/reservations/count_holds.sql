-- Purpose: keeps each client's number of open holds, from the events of a batch: placed adds one;
--   released, expired and converted take one off.
create or replace function reservations.count_holds(p_cell integer, p_events events.new_event[])
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into reservations.client_holds (cell_id, client_id)
  select distinct p_cell, u.client_id
  from unnest(p_events) u
  where u.type = 'reservation.placed' and not exists (
    select 1
    from reservations.client_holds h
    where h.cell_id = p_cell and h.client_id = u.client_id
  )
  on conflict on constraint client_holds_pkey do nothing;

  update reservations.client_holds h
  set open_holds = h.open_holds + e.change
  from (
    select
      u.client_id,
      sum(case when u.type = 'reservation.placed' then 1 else -1 end) as change
    from unnest(p_events) u
    where u.type in (
      'reservation.placed', 'reservation.released', 'reservation.expired', 'reservation.converted'
    )
    group by u.client_id
  ) e
  where h.cell_id = p_cell and h.client_id = e.client_id;
end;
$$;
