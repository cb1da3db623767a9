"""Hylde: one stock truth for a retailer with shops, a webshop and an app.

The map, from the outside in:

- `__main__`, `cli/`    the command line, one file a command
- `app`, `worker`       the two composition roots: HTTP, and time
- `schedule`            what a job is; `invariants` runs sql/checks; `parent` ends orphans
- `embedded`, `cluster` the bundled PostgreSQL; `migrate` brings a database up to date
- `settings`, `log`, `outcomes`, `lanes`, `db`   the floor that everything stands on
- `web/`                the HTTP kit: tokens, keys, limits, problems; knows no domain
- `access`, `locations`, `catalog`, `stock`, `availability`, `sales`, `pos`, `reservations`
                        the domains, each with the same file names
- `counts`              what is really there, counted by zone while the shop stays open
- `exceptions/`         what tills left open, and a person's word on it: codes that become known,
                        late returns, handovers beside till sales
- `terminals`           tills: whether they speak, what is missing of what they said, Z-counts
- `poslog`              receipts of tills that write ARTS POSLog XML
- `transfers`           goods on their way from one place to another
- `imports/`            whole files of places, items and stock; `events` keeps the outbox in months
- `replay/`             recorded sales, as tills would send them; `faults` makes them misbehave by a
                        seed and compares how worlds end; `bench/` measures
"""
