-- Transfers, as they stand.

-- name: transfer_by_id
-- One transfer; null where there is none.
select transfers.tell_transfer($1::integer, $2::uuid)

-- name: transfers_before
-- Of every cell: transfers, newest first, from before the id given, of a place ($2, in or out by
-- $3), of a state, of a token's list (null: all). Each end of each place, or each cell where neither
-- is named, is read backwards in its index, so that old transfers cost nothing.
with listed as (
  select array_agg(l.location_id) as ids from locations.location l where l.location = any($5::text[])
), place as (
  select l.location_id, l.cell_id
  from locations.location l
  where l.location = $2::text or ($2 is null and l.location = any($5))
)
select transfers.tell_transfer(f.cell_id, f.transfer_id)::text as body
from (
  select t.cell_id, t.transfer_id
  from place p
  cross join lateral (
    select o.cell_id, o.transfer_id
    from transfers.transfer o
    where o.cell_id = p.cell_id and o.from_location_id = p.location_id
      and $3::text is distinct from 'in'
      and o.transfer_id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      and ($4::text is null or o.state = $4)
      and ($5 is null or array[o.from_location_id, o.to_location_id] && (select ids from listed))
    order by o.transfer_id desc
    limit $6
  ) t
  union
  select t.cell_id, t.transfer_id
  from place p
  cross join lateral (
    select o.cell_id, o.transfer_id
    from transfers.transfer o
    where o.cell_id = p.cell_id and o.to_location_id = p.location_id
      and $3 is distinct from 'out'
      and o.transfer_id < coalesce($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      and ($4 is null or o.state = $4)
      and ($5 is null or array[o.from_location_id, o.to_location_id] && (select ids from listed))
    order by o.transfer_id desc
    limit $6
  ) t
  union
  select t.cell_id, t.transfer_id
  from (select distinct l.cell_id from locations.location l where $2 is null and $5 is null) c
  cross join lateral (
    select o.cell_id, o.transfer_id
    from transfers.transfer o
    where o.cell_id = c.cell_id
      and o.transfer_id < coalesce($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      and ($4 is null or o.state = $4)
    order by o.transfer_id desc
    limit $6
  ) t
) f
order by f.transfer_id desc
limit $6
