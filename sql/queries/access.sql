-- Keys and their clients.

-- name: key_by_id
-- A key that still works, with its client.
select k.key_id, k.client_id, c.name, k.secret_hash, k.scopes, k.locations, k.expires_at
from access.key k
join access.client c on c.client_id = k.client_id
where k.key_id = $1 and k.revoked_at is null and k.expires_at > now()

-- name: all_keys
-- Every key with its client's name, newest first.
select k.key_id, c.name, k.scopes, k.locations, k.created_at, k.expires_at, k.revoked_at
from access.key k
join access.client c on c.client_id = k.client_id
order by k.created_at desc, k.key_id
