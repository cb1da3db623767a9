-- POSLog: what has to be known before a transaction is a receipt.

-- name: zones_of_terminals
-- Of every cell: by whose clock each of some terminals writes, where its newest life stands.
select distinct on (t.terminal) t.terminal, l.time_zone
from pos.terminal t
join locations.location l on l.location_id = t.location_id
where t.terminal = any($1::text[])
order by t.terminal, t.epoch desc
