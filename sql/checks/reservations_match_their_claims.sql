-- A held reservation has claims with its own end; one that ended holds nothing; no claim of a
-- reservation is without one (I5, I6).
select
  coalesce(r.cell_id, c.cell_id) as cell_id, coalesce(r.reservation_id, c.holder_id) as reservation,
  r.state, r.expires_at, c.claims, c.open_quantity, c.first_end, c.last_end
from reservations.reservation r
full join (
  select
    o.cell_id, o.holder_id, count(*) as claims, sum(o.open_quantity) as open_quantity,
    min(o.expires_at) filter (where o.open_quantity > 0) as first_end,
    max(o.expires_at) filter (where o.open_quantity > 0) as last_end
  from stock.claim o
  where o.holder_kind = 'reservation'
  group by o.cell_id, o.holder_id
) c on c.cell_id = r.cell_id and c.holder_id = r.reservation_id
where r.cell_id is null
  or (r.state = 'held' and (
    c.claims is null or c.first_end <> r.expires_at or c.last_end <> r.expires_at
  ))
  or (r.state <> 'held' and c.open_quantity > 0)
