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
  -- the newest reports that it was not where the book says; null: none
  not_found_at timestamptz[],
  -- the latest moment at which anything moved, and how far beyond its recording one ever was: what
  -- occurred after a moment can only have been recorded after it less that
  last_moved_at timestamptz,
  moved_ahead interval not null default '0',
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

-- What was counted when: the moments against which what is recorded later is trued up (domain §1.3).
-- `document_id` is the document of its ledger entries; `provisional`: a till was not yet heard out.
create table stock.stock_count (
  cell_id integer not null,
  location_id integer not null,
  sku_id integer not null,
  counted_at timestamptz not null,
  document_id uuid not null,
  counted bigint not null,
  expected bigint not null,
  provisional boolean not null default false,
  recorded_at timestamptz not null,
  client_id integer,
  constraint stock_count_pkey primary key (cell_id, location_id, sku_id, counted_at, document_id),
  constraint counted_not_negative check (counted >= 0)
);

-- What somebody has to go and count: one open task an item and place, whatever asked for it.
create table stock.count_task (
  cell_id integer not null,
  location_id integer not null,
  sku_id integer not null,
  task_id uuid not null default gen_random_uuid(),
  reason text not null,
  opened_at timestamptz not null,
  done_at timestamptz,
  constraint count_task_pkey primary key (cell_id, location_id, sku_id, task_id),
  constraint count_task_reason_is_known check (reason in (
    'negative_stock', 'not_found', 'wrong_item', 'transfer_over', 'transfer_short', 'ambiguous', 'asked'
  ))
);
create unique index one_open_count_task on stock.count_task (cell_id, location_id, sku_id)
where done_at is null;

-- Where more is promised and not yet picked than is there (I4): exactly the open differences.
create table stock.shortfall (
  cell_id integer not null,
  location_id integer not null,
  sku_id integer not null,
  quantity bigint not null,
  opened_at timestamptz not null,
  constraint shortfall_pkey primary key (cell_id, location_id, sku_id),
  constraint shortfall_is_positive check (quantity > 0)
);

-- What a place's tills leave open, as reads and holds need it: since when the oldest of those that are
-- silent was heard out (null: all speak), and whether too much that was sold today is no known item.
create table stock.place_sync (
  cell_id integer not null,
  location_id integer not null,
  stale_since timestamptz,
  doubtful boolean not null default false,
  changed_at timestamptz not null,
  constraint place_sync_pkey primary key (cell_id, location_id)
);
create index place_sync_in_doubt on stock.place_sync (cell_id, location_id)
where stale_since is not null or doubtful;

-- Mean units sold per open hour of the last 28 days; no row: no history. Measured every night.
create table stock.sales_rate (
  cell_id integer not null,
  location_id integer not null,
  sku_id integer not null,
  units_per_hour double precision not null,
  measured_at timestamptz not null,
  constraint sales_rate_pkey primary key (cell_id, location_id, sku_id),
  constraint rate_is_positive check (units_per_hour > 0)
);

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

-- One counted line on its way to stock.post_counts: so many units of an item were on the shelf of a
-- place at `counted_at`. `provisional`: a till of the place was not yet heard out.
create type stock.counted_line as (
  location_id integer,
  sku_id integer,
  counted bigint,
  counted_at timestamptz,
  document_id uuid,
  provisional boolean,
  reason text,
  client_id integer
);
