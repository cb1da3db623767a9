-- What has been applied to this database: written by `hylde migrate` only.
create schema migrations;

create table migrations.migration (
  name text not null,
  checksum text not null,
  applied_at timestamptz not null,
  constraint migration_pkey primary key (name)
);

-- Functions and grants are replaced as a whole when their text changes; this says which text is in.
create table migrations.installed (
  what text not null,
  checksum text not null,
  installed_at timestamptz not null,
  constraint installed_pkey primary key (what)
);
-- What happened, in the order in which it became true, and the place where that order is made.
create schema events;

-- One row a cell. Every command draws its events' positions here as its last step, so positions are
-- gapless and in commit order (architecture §3.6).
create table events.cell_state (
  cell_id integer not null,
  sequence bigint not null default 0,
  constraint cell_state_pkey primary key (cell_id),
  constraint cell_is_positive check (cell_id between 1 and 32767),
  constraint sequence_not_negative check (sequence >= 0)
);

-- The outbox: written with the fact, in the fact's transaction. Kept 90 days, by partition.
create table events.event (
  cell_id integer not null,
  sequence bigint not null,
  recorded_at timestamptz not null,
  occurred_at timestamptz not null,
  type text not null,
  subject text not null,
  subject_sequence bigint not null,
  client_id integer,
  data jsonb not null,
  constraint event_pkey primary key (cell_id, sequence, recorded_at),
  constraint subject_sequence_starts_at_one check (subject_sequence >= 1)
) partition by range (recorded_at);

-- An event on its way into the table: what a command function hands to events.write_events.
create type events.new_event as (
  occurred_at timestamptz,
  type text,
  subject text,
  subject_sequence bigint,
  client_id integer,
  data jsonb
);
-- Who may ask: clients (tills, webshop, app, staff devices) and their keys.
create schema access;

create table access.client (
  client_id integer generated always as identity,
  name text not null,
  created_at timestamptz not null,
  constraint client_pkey primary key (client_id),
  constraint client_name_is_unique unique (name)
);

-- A token is hyl_live_<key_id>_<secret><checksum>; only the secret's SHA-256 is kept.
create table access.key (
  key_id text not null,
  client_id integer not null,
  secret_hash bytea not null,
  scopes text[] not null,
  locations text[],
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  constraint key_pkey primary key (key_id),
  constraint key_belongs_to_a_client foreign key (client_id) references access.client (client_id),
  constraint secret_hash_is_sha256 check (octet_length(secret_hash) = 32),
  constraint key_has_a_scope check (cardinality(scopes) > 0)
);
create index key_by_client on access.key (client_id);
-- What was decided for whom: idempotency and the audit trail of every command.
create schema web;

-- Written once, with its outcome, in the transaction of the effect. Kept 7 days. A request without
-- an Idempotency-Key of its own (PUT) gets a generated key, so that a lane can ask again after a
-- lost connection.
create table web.command (
  cell_id integer not null,
  client_id integer not null,
  key text not null,
  fingerprint text not null,
  kind text not null,
  request_id text not null,
  decided_at timestamptz not null,
  outcome jsonb not null,
  constraint command_pkey primary key (cell_id, client_id, key)
);
create index command_by_age on web.command (decided_at);
-- Places that hold goods. A small table of its own, never written by a stock command.
create schema locations;

create table locations.location (
  location_id integer generated always as identity,
  location text not null,
  cell_id integer not null default 1,
  name text not null,
  kind text not null,
  state text not null default 'open',
  country text,
  region text,
  time_zone text not null,
  latitude double precision,
  longitude double precision,
  gln text,
  opening_hours jsonb not null,
  closures jsonb not null,
  pickup jsonb not null,
  safety_stock bigint not null,
  version bigint not null default 1,
  -- numbers the location's events, without gaps
  event_count bigint not null default 0,
  changed_at timestamptz not null,
  constraint location_pkey primary key (location_id),
  constraint location_code_is_unique unique (location),
  constraint location_code_is_well_formed check (location ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
  constraint kind_is_known check (
    kind in ('store', 'flagship', 'outlet', 'popup', 'warehouse', 'webshop', 'dealer')
  ),
  constraint state_is_known check (state in ('open', 'closing', 'closed')),
  constraint coordinates_come_in_pairs check ((latitude is null) = (longitude is null)),
  constraint safety_stock_not_negative check (safety_stock >= 0)
);
-- What is sold, and under which barcodes. Small tables of their own, never written by a stock command.
create schema catalog;

create table catalog.item (
  sku_id integer generated always as identity,
  sku text not null,
  name text not null,
  category text,
  brand text,
  collection text,
  image_urls text[] not null default '{}',
  price bigint,
  currency text,
  stock_tracked boolean not null default true,
  unit text not null default 'piece',
  scale integer not null default 1,
  safety_stock bigint,
  version bigint not null default 1,
  changed_at timestamptz not null,
  constraint item_pkey primary key (sku_id),
  constraint sku_is_unique unique (sku),
  constraint sku_has_no_slash check (position('/' in sku) = 0 and char_length(sku) between 1 and 64),
  constraint unit_is_known check (unit in ('piece', 'g', 'ml', 'mm')),
  constraint scale_is_positive check (scale >= 1),
  constraint price_has_a_currency check ((price is null) = (currency is null)),
  constraint price_not_negative check (price >= 0),
  constraint item_safety_stock_not_negative check (safety_stock >= 0)
);
create index item_by_category on catalog.item (category, sku);
create index item_by_words on catalog.item
using gin (to_tsvector('simple'::regconfig, name || ' ' || sku));

-- A barcode belongs to one item; a pack's barcode stands for `factor` sales units of it.
create table catalog.barcode (
  gtin text not null,
  sku_id integer not null,
  factor integer not null default 1,
  constraint barcode_pkey primary key (gtin),
  constraint barcode_belongs_to_an_item foreign key (sku_id) references catalog.item (sku_id),
  constraint gtin_has_14_digits check (gtin ~ '^[0-9]{14}$'),
  constraint factor_is_positive check (factor >= 1)
);
create index barcode_by_item on catalog.barcode (sku_id);
-- The ledger, its projection, and the claims on it. Keys begin with the cell, then the place.
create schema stock;

-- The balance of one item at one place: a projection of the two ledgers, changed in their
-- transaction. `version` numbers their entries; `change_count` numbers the stock.changed events.
create table stock.stock_level (
  cell_id integer not null,
  location_id integer not null,
  sku_id integer not null,
  sellable bigint not null default 0,
  staged bigint not null default 0,
  quarantine bigint not null default 0,
  damaged bigint not null default 0,
  display bigint not null default 0,
  missing bigint not null default 0,
  reserved bigint not null default 0,
  unpicked bigint not null default 0,
  version bigint not null default 0,
  change_count bigint not null default 0,
  safety_stock bigint,
  -- a lower bound of the ends of the open holds here: reads look for expired ones only after it
  next_expiry_at timestamptz not null default 'infinity',
  frozen_reason text,
  first_moved_at timestamptz,
  last_counted_at timestamptz,
  changed_at timestamptz not null,
  constraint stock_level_pkey primary key (cell_id, location_id, sku_id),
  constraint staged_not_negative check (staged >= 0),
  constraint quarantine_not_negative check (quarantine >= 0),
  constraint damaged_not_negative check (damaged >= 0),
  constraint display_not_negative check (display >= 0),
  constraint missing_not_negative check (missing >= 0),
  constraint unpicked_not_negative check (unpicked >= 0),
  constraint unpicked_is_part_of_reserved check (unpicked <= reserved),
  constraint level_safety_stock_not_negative check (safety_stock >= 0)
) with (fillfactor = 70);
create index stock_level_by_item on stock.stock_level (cell_id, sku_id, location_id);

-- Goods: one row is one movement between two accounts, so nothing can appear or vanish.
create table stock.ledger_entry (
  cell_id integer not null,
  location_id integer not null,
  sku_id integer not null,
  ledger_sequence bigint not null,
  from_account text not null,
  to_account text not null,
  quantity bigint not null,
  kind text not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  document_id uuid not null,
  source text not null,
  reason text,
  reference text,
  client_id integer,
  reverses bigint,
  constraint ledger_entry_pkey primary key (
    cell_id, location_id, sku_id, ledger_sequence, recorded_at
  ),
  constraint quantity_is_positive check (quantity > 0),
  constraint accounts_differ check (from_account <> to_account),
  constraint from_account_is_known check (from_account in (
    'sellable', 'staged', 'quarantine', 'damaged', 'display', 'missing', 'in_transit',
    'customer', 'supplier', 'shrink', 'scrap', 'opening'
  )),
  constraint to_account_is_known check (to_account in (
    'sellable', 'staged', 'quarantine', 'damaged', 'display', 'missing', 'in_transit',
    'customer', 'supplier', 'shrink', 'scrap', 'opening'
  ))
) partition by range (recorded_at);
create index ledger_entry_by_document on stock.ledger_entry (cell_id, document_id);

-- A movement's own key (`source_key`) is unique per client for ever; the ledger is partitioned, so
-- the uniqueness lives here, in the same transaction.
create table stock.source_key (
  cell_id integer not null,
  client_id integer not null,
  source_key text not null,
  movement_id uuid not null,
  constraint source_key_pkey primary key (cell_id, client_id, source_key)
);

-- By which a reservation (later an order, a transfer) holds goods. `open_quantity` still counts.
create table stock.claim (
  cell_id integer not null,
  location_id integer not null,
  sku_id integer not null,
  holder_id uuid not null,
  holder_kind text not null,
  line integer not null,
  quantity bigint not null,
  open_quantity bigint not null,
  staged_quantity bigint not null default 0,
  expires_at timestamptz,
  constraint claim_pkey primary key (cell_id, holder_id, location_id, sku_id),
  constraint holder_kind_is_known check (holder_kind in ('reservation', 'order', 'transfer')),
  constraint claimed_quantity_not_negative check (quantity >= 0),
  constraint open_quantity_within_quantity check (open_quantity between 0 and quantity),
  constraint staged_within_open check (staged_quantity between 0 and open_quantity)
);
create index claim_open_by_place on stock.claim (cell_id, location_id, sku_id, expires_at)
where open_quantity > 0;

-- Claims have a ledger of their own: it never mixes with goods.
create table stock.claim_entry (
  cell_id integer not null,
  location_id integer not null,
  sku_id integer not null,
  ledger_sequence bigint not null,
  holder_id uuid not null,
  kind text not null,
  reserved_change bigint not null,
  unpicked_change bigint not null,
  recorded_at timestamptz not null,
  client_id integer,
  constraint claim_entry_pkey primary key (
    cell_id, location_id, sku_id, ledger_sequence, recorded_at
  ),
  constraint claim_entry_kind_is_known check (
    kind in ('claim', 'release', 'expire', 'consume', 'stage', 'unstage')
  ),
  constraint claim_entry_changes_something check (reserved_change <> 0 or unpicked_change <> 0)
) partition by range (recorded_at);

-- One movement of goods on its way into the ledger: what a command function hands to stock.post.
create type stock.goods_change as (
  location_id integer,
  sku_id integer,
  from_account text,
  to_account text,
  quantity bigint,
  kind text,
  occurred_at timestamptz,
  document_id uuid,
  source text,
  reason text,
  reference text,
  client_id integer,
  reverses bigint
);

-- One change of a claim on its way into the claims' ledger.
create type stock.claim_change as (
  location_id integer,
  sku_id integer,
  holder_id uuid,
  kind text,
  reserved_change bigint,
  unpicked_change bigint,
  expires_at timestamptz,
  client_id integer
);

-- A batch of asked movements, parsed once: one element an entry, in order. A slot is one
-- (location, sku) of the batch, a key slot one (client, source_key), a from or to slot one of the four
-- accounts that have a bottom (null: the others); `problem` refuses the entry.
create type stock.asked_movement as (
  command integer,
  slot integer,
  key_slot integer,
  from_slot integer,
  to_slot integer,
  location_id integer,
  sku_id integer,
  movement uuid,
  kind text,
  from_account text,
  to_account text,
  quantity bigint,
  occurred_at timestamptz,
  reason text,
  reference text,
  source_key text,
  client_id integer,
  problem text,
  detail text
);

-- A batch of asked one-line counts, or safety stocks, parsed once. `if_change` is the change_count
-- that the asker saw.
create type stock.asked_count as (
  command integer,
  slot integer,
  location text,
  sku text,
  location_id integer,
  sku_id integer,
  sellable bigint,
  expected bigint,
  safety_stock bigint,
  if_change bigint,
  document_id uuid,
  reason text,
  client_id integer,
  problem text
);
-- What was sold to a customer, whichever channel sold it: the unit of return.
create schema sales;

create table sales.sale_line (
  cell_id integer not null,
  document_id uuid not null,
  line integer not null,
  location_id integer not null,
  sku_id integer not null,
  quantity bigint not null,
  returned bigint not null default 0,
  unit_price bigint,
  paid bigint,
  refunded bigint not null default 0,
  currency text,
  channel text not null,
  customer text,
  sold_at timestamptz not null,
  voided boolean not null default false,
  constraint sale_line_pkey primary key (cell_id, document_id, line),
  constraint sold_quantity_is_positive check (quantity > 0),
  constraint never_more_returned_than_sold check (returned between 0 and quantity),
  constraint refunded_not_negative check (refunded >= 0)
);
create index sale_line_by_customer on sales.sale_line (cell_id, customer, sold_at)
where customer is not null;

-- What came back of which sale line: one row a returned receipt line that named its sale.
-- `quantity` is what was still out there, `surplus` what was handed in beyond it.
create table sales.return_line (
  cell_id integer not null,
  document_id uuid not null,
  line integer not null,
  sale_document_id uuid not null,
  sale_line integer not null,
  quantity bigint not null,
  surplus bigint not null,
  returned_at timestamptz not null,
  voided boolean not null default false,
  constraint return_line_pkey primary key (cell_id, document_id, line),
  constraint returned_quantity_not_negative check (quantity >= 0),
  constraint surplus_not_negative check (surplus >= 0)
);
create index return_line_by_sale on sales.return_line (cell_id, sale_document_id, sale_line);
-- Tills and what they said. A till's sale is a fact: nothing it says is lost.
create schema pos;

-- A till in one life: replaced, it starts a new epoch, with its own numbers and perhaps elsewhere.
create table pos.terminal (
  cell_id integer not null,
  terminal text not null,
  epoch integer not null,
  location_id integer not null,
  name text,
  first_sequence bigint,
  last_sequence bigint,
  last_seen_at timestamptz,
  version bigint not null default 1,
  changed_at timestamptz not null,
  constraint terminal_pkey primary key (cell_id, terminal, epoch),
  constraint epoch_is_positive check (epoch >= 1),
  constraint terminal_code_is_well_formed check (terminal ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$')
) with (fillfactor = 50);

create table pos.receipt (
  cell_id integer not null,
  receipt_id uuid not null,
  terminal text not null,
  epoch integer not null,
  sequence bigint not null,
  location_id integer not null,
  kind text not null,
  status text not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  fingerprint text not null,
  client_id integer,
  order_reference text,
  customer text,
  void_terminal text,
  void_sequence bigint,
  voided_by uuid,
  version bigint not null default 1,
  body jsonb not null,
  problems jsonb not null default '[]',
  constraint receipt_pkey primary key (cell_id, receipt_id),
  -- the epoch last: voids and returns name a terminal and a number only
  constraint one_receipt_per_sequence unique (cell_id, terminal, sequence, epoch),
  constraint receipt_kind_is_known check (
    kind in ('sale', 'return', 'exchange', 'void', 'no_sale')
  ),
  constraint receipt_status_is_known check (
    status in (
      'posted', 'partly_posted', 'parked', 'held_for_review', 'ignored', 'rejected', 'voided',
      'conflict'
    )
  ),
  constraint sequence_is_positive check (sequence >= 1),
  constraint a_void_names_what_it_voids check ((kind = 'void') = (void_sequence is not null))
);
-- voids that came before their sale: looked at with every batch, so kept to the few there are
create index receipt_parked on pos.receipt (cell_id, void_terminal, void_sequence)
where status = 'parked';
-- a till's body is read by people and by replays only: not worth compressing with every sale
alter table pos.receipt alter column body set storage external;

-- What a person has to look at. Kept with all that the till said.
create table pos.exception (
  cell_id integer not null,
  exception_id uuid not null,
  kind text not null,
  terminal text not null,
  epoch integer,
  sequence bigint not null,
  location_id integer,
  receipt_id uuid,
  line integer,
  gtin text,
  quantity bigint,
  fingerprint text not null,
  body jsonb not null,
  state text not null default 'open',
  resolution jsonb,
  recorded_at timestamptz not null,
  resolved_at timestamptz,
  constraint exception_pkey primary key (cell_id, exception_id),
  constraint exception_kind_is_known check (kind in (
    'unmapped', 'conflict', 'parked', 'held_for_review', 'gap', 'over_return',
    'unknown_terminal', 'fractional_quantity', 'match'
  )),
  constraint exception_state_is_known check (state in ('open', 'resolved'))
);
create unique index one_exception_per_matter on pos.exception (
  cell_id, terminal, coalesce(epoch, 0), sequence, kind, fingerprint, coalesce(line, 0)
);
create index exception_by_time on pos.exception (recorded_at, exception_id);
create index exception_open_by_receipt on pos.exception (cell_id, receipt_id)
where state = 'open';

-- A receipt as it was asked for, with its terminal resolved and what is already known of its
-- natural key. `version` is that of the kept receipt (0: none yet), `receipt_id` the kept one's or
-- the command's own. Subscripts of arrays beside it are `command`.
create type pos.asked_receipt as (
  command integer,
  receipt_id uuid,
  client_id integer,
  terminal text,
  epoch integer,
  sequence bigint,
  location_id integer,
  location text,
  channel text,
  kind text,
  occurred_at timestamptz,
  fingerprint text,
  void_terminal text,
  void_sequence bigint,
  code text,
  first_status text,
  problems jsonb,
  version bigint,
  review_quantity bigint,
  codes jsonb,
  body jsonb
);

-- A line of a receipt that is to be posted. `quantity` is in base units of the item; of a line that
-- is no known item it is what the till said (then `sku_id` is null).
create type pos.asked_line as (
  command integer,
  line integer,
  receipt_id uuid,
  location_id integer,
  sku_id integer,
  tracked boolean,
  quantity bigint,
  large boolean,
  gtin text,
  sku text,
  unit_price bigint,
  paid bigint,
  sale jsonb,
  resaleable boolean,
  occurred_at timestamptz,
  client_id integer,
  reference text,
  currency text,
  channel text,
  customer text,
  order_id uuid
);

-- What is wrong with a line that is posted all the same, or not at all (`unmapped`).
create type pos.line_problem as (
  command integer,
  line integer,
  code text,
  gtin text,
  sku text,
  quantity bigint
);

-- A returned line with the sale line it brings back, where it names one that there is: `accepted`
-- of its units were still out there.
create type pos.returned_line as (
  command integer,
  line integer,
  receipt_id uuid,
  location_id integer,
  sku_id integer,
  tracked boolean,
  quantity bigint,
  accepted bigint,
  sale_named boolean,
  sale_document_id uuid,
  sale_line integer,
  resaleable boolean,
  occurred_at timestamptz,
  client_id integer,
  reference text
);
-- What can be had where: functions over stock, catalog and locations; no tables of its own.
create schema availability;
-- Whole files of stock: functions over stock, catalog and locations; no tables of its own.
create schema imports;
-- Holds with an end: what the checkout keeps for a customer at the place that was chosen.
create schema reservations;

create table reservations.reservation (
  cell_id integer not null,
  reservation_id uuid not null,
  client_id integer not null,
  state text not null,
  channel text,
  customer text,
  ttl_seconds integer not null,
  extended boolean not null default false,
  expires_at timestamptz not null,
  placed_at timestamptz not null,
  changed_at timestamptz not null,
  version bigint not null default 1,
  constraint reservation_pkey primary key (cell_id, reservation_id),
  constraint reservation_state_is_known check (
    state in ('held', 'converted', 'released', 'expired')
  ),
  constraint ttl_is_within_a_day check (ttl_seconds between 1 and 86400)
);
create index reservation_due on reservations.reservation (cell_id, expires_at)
where state = 'held';
create index reservation_held_by_customer on reservations.reservation (cell_id, customer)
where state = 'held' and customer is not null;

-- How many holds a client has open: kept with each change, so that the limit costs no scan.
create table reservations.client_holds (
  cell_id integer not null,
  client_id integer not null,
  open_holds bigint not null default 0,
  constraint client_holds_pkey primary key (cell_id, client_id),
  constraint open_holds_not_negative check (open_holds >= 0)
);

-- A batch of asked holds, parsed once: one element a command, and one a line. A slot is one
-- (location, sku) of the batch, numbered in lock order.
create type reservations.hold_line as (
  command integer,
  line integer,
  slot integer,
  location text,
  sku text,
  location_id integer,
  sku_id integer,
  quantity bigint,
  problem text,
  client_id integer
);
