-- Reservations, as they stand now.

-- name: reservation_by_id
-- One reservation; null where there is none.
select reservations.tell_reservation($1::integer, $2::uuid, coalesce($3::timestamptz, now()))
