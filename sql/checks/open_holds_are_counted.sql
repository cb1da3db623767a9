-- The number of open holds that a client's limit is checked against is the number that are held.
select
  coalesce(h.cell_id, r.cell_id) as cell_id, coalesce(h.client_id, r.client_id) as client_id,
  h.open_holds, r.held
from reservations.client_holds h
full join (
  select v.cell_id, v.client_id, count(*) as held
  from reservations.reservation v
  where v.state = 'held'
  group by v.cell_id, v.client_id
) r on r.cell_id = h.cell_id and r.client_id = h.client_id
where coalesce(h.open_holds, 0) <> coalesce(r.held, 0)
