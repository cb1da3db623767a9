-- What the HTTP kit asks of the database.

-- name: installed_checksum
-- The text of functions and grants that is installed; readiness compares it with this release's.
select i.checksum from migrations.installed i where i.what = 'functions and grants'
