-- Events and the partitions that they live in.

-- name: maintain_partitions
-- Makes the months ahead and drops old events; gives how many partitions were made or dropped.
select events.maintain_partitions(null)
