-- The ledger and its balances.

-- name: level
-- The balance of one item at one place now; no row where either is unknown.
select
  r.location, r.sku, r.sellable, r.staged, r.quarantine, r.damaged, r.display, r.missing, r.on_hand,
  r.reserved, r.unpicked, r.safety_stock, r.safety_source, r.stale_buffer, r.available,
  r.frozen_reason, r.confidence, r.verified_at, r.last_counted_at, r.version, r.change_count,
  r.changed_at
from stock.read_level($1, $2, $3, coalesce($4, now())) r

-- name: level_at
-- The accounts as they were: entries that occurred until $4, of those recorded until $5 (null: all).
-- Claims are left out, since an end by the clock has no entry of its own.
select
  l.location, i.sku, b.sellable, b.staged, b.quarantine, b.damaged, b.display, b.missing,
  b.sellable + b.staged + b.quarantine + b.damaged + b.display as on_hand, b.version, b.changed_at
from locations.location l
join catalog.item i on i.sku = $3
cross join lateral (
  select
    coalesce(sum(c.quantity) filter (where c.account = 'sellable'), 0)::bigint as sellable,
    coalesce(sum(c.quantity) filter (where c.account = 'staged'), 0)::bigint as staged,
    coalesce(sum(c.quantity) filter (where c.account = 'quarantine'), 0)::bigint as quarantine,
    coalesce(sum(c.quantity) filter (where c.account = 'damaged'), 0)::bigint as damaged,
    coalesce(sum(c.quantity) filter (where c.account = 'display'), 0)::bigint as display,
    coalesce(sum(c.quantity) filter (where c.account = 'missing'), 0)::bigint as missing,
    coalesce(max(e.ledger_sequence), 0) as version, max(e.recorded_at) as changed_at
  from stock.ledger_entry e
  cross join lateral (
    values (e.to_account, e.quantity), (e.from_account, -e.quantity)
  ) c (account, quantity)
  where e.cell_id = $1 and e.location_id = l.location_id and e.sku_id = i.sku_id
    and ($4::timestamptz is null or e.occurred_at <= $4)
    and ($5::timestamptz is null or e.recorded_at <= $5)
) b
where l.cell_id = $1 and l.location = $2

-- name: ledger
-- Entries of one item at one place, newest first, below a sequence; null where either is unknown.
select stock.read_ledger($1, $2, $3, $4, $5)::text

-- name: explanation
-- The level with its first $5 open claims and its last $6 movements; no row where the place or the
-- item is unknown.
select jsonb_build_object(
  'level', to_jsonb(r),
  'claims', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'holder', c.holder_id, 'kind', c.holder_kind, 'quantity', c.open_quantity,
      'unpicked', c.open_quantity - c.staged_quantity, 'expires_at', c.expires_at
    ) order by c.expires_at, c.holder_id), '[]')
    from (
      select o.*
      from stock.claim o
      where o.cell_id = $1 and o.location_id = r.location_id and o.sku_id = r.sku_id
        and o.open_quantity > 0
        and (o.expires_at is null or o.expires_at > coalesce($4::timestamptz, now()))
      order by o.expires_at, o.holder_id
      limit $5
    ) c
  ),
  'movements', stock.read_ledger($1, $2, $3, null, $6)
)::text
from stock.read_level($1, $2, $3, coalesce($4, now())) r
