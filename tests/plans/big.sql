-- A database with enough rows that a scan of a table is a mistake: 20,000 levels at 200 places.
-- Only its size matters: nothing adds up here, so no invariant is asked of it.
insert into events.cell_state (cell_id) values (1) on conflict do nothing;
insert into locations.location (
  location, name, kind, time_zone, opening_hours, closures, pickup, safety_stock, changed_at
)
select 'p' || g, 'Place ' || g, 'store', 'Europe/Copenhagen',
  '{"mon": [], "tue": [], "wed": [], "thu": [], "fri": [], "sat": [], "sun": []}', '[]',
  '{"enabled": true}', 0, now()
from generate_series(1, 200) g;
insert into catalog.item (sku, name, category, changed_at)
select 's' || g, 'Item ' || g, 'c' || g % 50, now() from generate_series(1, 10000) g;
insert into catalog.barcode (gtin, sku_id)
select lpad(g::text, 14, '0'), g from generate_series(1, 10000) g;
insert into access.client (name, created_at) select 'c' || g, now() from generate_series(1, 10) g;
insert into stock.stock_level (cell_id, location_id, sku_id, sellable, version, changed_at)
select 1, l, i, 100, 1, now() from generate_series(1, 200) l, generate_series(1, 100) i;
insert into stock.ledger_entry (
  cell_id, location_id, sku_id, ledger_sequence, from_account, to_account, quantity, kind,
  occurred_at, recorded_at, document_id, source
)
select
  1, s.location_id, s.sku_id, 1, 'opening', 'sellable', 100, 'opening', now(), now(),
  lpad(to_hex(s.location_id * 1000 + s.sku_id), 32, '0')::uuid, 'movement'
from stock.stock_level s;
insert into stock.claim (
  cell_id, location_id, sku_id, holder_id, holder_kind, line, quantity, open_quantity, expires_at
)
select
  1, s.location_id, s.sku_id, lpad(to_hex(s.location_id * 1000 + s.sku_id), 32, '0')::uuid,
  'reservation', 1, 1, 0, now()
from stock.stock_level s;
insert into stock.claim_entry (
  cell_id, location_id, sku_id, ledger_sequence, holder_id, kind, reserved_change,
  unpicked_change, recorded_at
)
select c.cell_id, c.location_id, c.sku_id, 2, c.holder_id, 'claim', 1, 1, now() from stock.claim c;
insert into stock.source_key (cell_id, client_id, source_key, movement_id)
select 1, 1, 'k' || g, lpad(to_hex(g), 32, '0')::uuid from generate_series(1, 10000) g;
insert into reservations.reservation (
  cell_id, reservation_id, client_id, state, customer, ttl_seconds, expires_at, placed_at,
  changed_at
)
select
  1, lpad(to_hex(g), 32, '0')::uuid, 1, 'released', 'customer ' || g, 900, now(), now(), now()
from generate_series(1, 20000) g;
insert into web.command (
  cell_id, client_id, key, fingerprint, kind, request_id, decided_at, outcome
)
select 1, 1, 'k' || g, '', 'k', '', now(), '{"code": "placed"}' from generate_series(1, 20000) g;
insert into events.event (
  cell_id, sequence, recorded_at, occurred_at, type, subject, subject_sequence, data
)
select 1, g, now(), now(), 'stock.changed', 's', g, '{}' from generate_series(1, 20000) g;
update events.cell_state set sequence = 20000;
insert into pos.terminal (cell_id, terminal, epoch, location_id, changed_at)
select 1, 'p' || g, 1, g, now() from generate_series(1, 200) g;
insert into pos.receipt (
  cell_id, receipt_id, terminal, epoch, sequence, location_id, kind, status, occurred_at,
  recorded_at, fingerprint, body
)
select
  1, lpad(to_hex(g), 32, '0')::uuid, 'p' || (g % 200 + 1), 1, g, g % 200 + 1, 'sale', 'posted',
  now(), now(), '', '{}'
from generate_series(1, 20000) g;
insert into pos.exception (
  cell_id, exception_id, kind, terminal, sequence, location_id, receipt_id, fingerprint, body,
  state, recorded_at
)
select
  1, lpad(to_hex(g), 32, '0')::uuid, 'unmapped', 'p' || (g % 200 + 1), g, g % 200 + 1,
  lpad(to_hex(g), 32, '0')::uuid, '', '{}', 'resolved', now()
from generate_series(1, 10000) g;
-- lines that wait for codes and items that nobody makes known
insert into pos.exception (
  cell_id, exception_id, kind, terminal, sequence, location_id, receipt_id, line, quantity,
  fingerprint, body, code, sku, recorded_at
)
select
  1, lpad(to_hex(20000 + g), 32, '0')::uuid, 'unmapped', 'p' || (g % 200 + 1), g, g % 200 + 1,
  lpad(to_hex(g), 32, '0')::uuid, 1, 1, '', '{}', 'nobody-' || g % 100,
  case when g % 2 = 0 then 'nothing-' || g % 100 end, now()
from generate_series(1, 10000) g;
insert into pos.handover (
  cell_id, handover_id, location_id, sku_id, quantity, order_id, document_id, handed_over_at, state,
  changed_at
)
select
  1, lpad(to_hex(g), 32, '0')::uuid, g % 200 + 1, g % 100 + 1, 1, lpad(to_hex(g), 32, '0')::uuid,
  lpad(to_hex(g), 32, '0')::uuid, now() - interval '1 day' + g * interval '8 s',
  case when g > 9990 then 'waiting' else 'unmatched' end, now()
from generate_series(1, 10000) g;
insert into sales.sale_line (
  cell_id, document_id, line, location_id, sku_id, quantity, channel, sold_at
)
select 1, lpad(to_hex(g), 32, '0')::uuid, 1, g % 200 + 1, g % 100 + 1, 1, 'pos', now()
from generate_series(1, 20000) g;
insert into sales.return_line (
  cell_id, document_id, line, sale_document_id, sale_line, quantity, surplus, returned_at
)
select 1, lpad(to_hex(g), 32, '0')::uuid, 1, lpad(to_hex(g), 32, '0')::uuid, 1, 1, 0, now()
from generate_series(1, 10000) g;
-- returns that wait for a sale that does not come
insert into sales.return_line (
  cell_id, document_id, line, sale_line, quantity, surplus, returned_at, sale_terminal,
  sale_sequence, location_id, sku_id, tracked, resaleable
)
select
  1, lpad(to_hex(20000 + g), 32, '0')::uuid, 1, 1, 0, 1, now(), 'gone-' || g % 50, g, g % 200 + 1,
  g % 100 + 1, true, true
from generate_series(1, 10000) g;
insert into transfers.transfer (
  cell_id, transfer_id, from_location_id, to_location_id, state, client_id, requested_at,
  closed_at, changed_at, eta
)
select
  1, lpad(to_hex(g), 32, '0')::uuid, 1 + g % 200, 1 + (g + 1) % 200, 'closed', 1, now(), now(),
  now(), now() - interval '1 month'
from generate_series(1, 20000) g;
insert into transfers.transfer_line (
  cell_id, transfer_id, sku_id, line, requested, open, dispatched, received
)
select 1, t.transfer_id, 1 + l, l, 1, 0, 1, 1
from transfers.transfer t
cross join generate_series(1, 2) l;
insert into counts.session (
  cell_id, session_id, location_id, kind, state, opened_at, active_at, ended_at
)
select
  1, lpad(to_hex(g * 65536 + 1), 32, '0')::uuid, g % 200 + 1, 'spot', 'posted', now(), now(), now()
from generate_series(1, 20000) g;
insert into counts.item (cell_id, session_id, sku_id, round, counted, expected, counted_at, posted_at)
select 1, lpad(to_hex(g * 65536 + 1), 32, '0')::uuid, g % 100 + 1, 1, 1, 1, now(), now()
from generate_series(1, 20000) g;
insert into counts.line (cell_id, session_id, sku_id, round, zone, quantity, first_at, counted_at)
select 1, lpad(to_hex(g * 65536 + 1), 32, '0')::uuid, g % 100 + 1, 1, 'all', 1, now(), now()
from generate_series(1, 20000) g;
insert into counts.scan (
  cell_id, session_id, scan_number, round, zone, sku_id, quantity, counted_at, recorded_at, client_id
)
select 1, lpad(to_hex(g * 65536 + 1), 32, '0')::uuid, 1, 1, 'all', g % 100 + 1, 1, now(), now(), 1
from generate_series(1, 20000) g;
insert into stock.stock_count (
  cell_id, location_id, sku_id, counted_at, document_id, counted, expected, recorded_at
)
select
  1, g % 200 + 1, g % 100 + 1, now(), lpad(to_hex(g * 65536 + 1), 32, '0')::uuid, 1, 1, now()
from generate_series(1, 20000) g;
