-- What the HTTP kit asks of the database.

-- name: installed_checksum
-- The text of functions and grants that is installed; readiness compares it with this release's.
select i.checksum from migrations.installed i where i.what = 'functions and grants'

-- name: cells
-- Every cell, whether or not it has a place (clients and keys live in cell 1).
select array_agg(c.cell_id order by c.cell_id) from events.cell_state c
