-- Transfers, as they stand.

-- name: transfer_by_id
-- One transfer; null where there is none.
select transfers.tell_transfer($1::integer, $2::uuid)

-- name: transfers_before
-- Of every cell: transfers, newest first, from before the id given, of a place ($2, in or out by
-- $3), of a state, of a token's list (null: all).
select transfers.tell_transfer(t.cell_id, t.transfer_id)::text as body
from transfers.transfer t
join locations.location f on f.location_id = t.from_location_id
join locations.location o on o.location_id = t.to_location_id
where ($1::uuid is null or t.transfer_id < $1)
  and (
    $2::text is null
    or (f.location = $2 and $3::text is distinct from 'in')
    or (o.location = $2 and $3::text is distinct from 'out')
  )
  and ($4::text is null or t.state = $4)
  and ($5::text[] is null or f.location = any($5) or o.location = any($5))
order by t.transfer_id desc
limit $6
