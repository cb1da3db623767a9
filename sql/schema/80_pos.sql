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
  -- a till that was taken away for good makes nothing stale any more
  in_service boolean not null default true,
  -- its newest heartbeat: when it came, what it said, by how much its clock is behind ours
  heartbeat_at timestamptz,
  announced_sequence bigint,
  clock_offset_seconds integer,
  -- up to which moment it says that nothing is unsent (contract §12)
  synced_through timestamptz,
  -- from occurred to recorded, of its newest receipt
  lag_seconds integer,
  -- what was told of it last (terminal.stale, .offline ...), and how many events that made
  state text,
  event_count bigint not null default 0,
  -- since when it has announced numbers that have not come, and nothing new has come either
  behind_since timestamptz,
  constraint terminal_pkey primary key (cell_id, terminal, epoch),
  constraint epoch_is_positive check (epoch >= 1),
  constraint terminal_state_is_known check (
    state in ('online', 'stale', 'offline', 'catching_up', 'reconciled')
  ),
  constraint terminal_code_is_well_formed check (terminal ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$')
) with (fillfactor = 50);
create index terminal_by_place on pos.terminal (cell_id, location_id);

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
  -- by how much its till's clock was behind ours, where that is 2 s or more (domain §1.3)
  clock_offset_seconds integer,
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
  -- what nobody knows, as it is looked up: 14 digits of a barcode, or the item's number
  code text,
  sku text,
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
-- a gap: `sequence` is its first number, `quantity` how many are missing
create index exception_open_gap on pos.exception (cell_id, terminal, epoch, sequence)
where kind = 'gap' and state = 'open';
create index exception_accepted_gap on pos.exception (cell_id, terminal, epoch, sequence)
where kind = 'gap' and resolution ->> 'action' = 'accept';
create index exception_unmapped_by_code on pos.exception (cell_id, coalesce(code, sku))
where kind = 'unmapped' and state = 'open';
create index exception_unmapped_by_sku on pos.exception (cell_id, sku)
where kind = 'unmapped' and state = 'open' and sku is not null;
create index exception_open_by_place on pos.exception (location_id, recorded_at, exception_id)
where state = 'open';
create index exception_by_place on pos.exception (location_id, recorded_at, exception_id);
create index exception_open_by_receipt on pos.exception (cell_id, receipt_id)
where state = 'open';

-- A till's day by its place's calendar: what came, what nobody knew, how late.
create table pos.terminal_day (
  cell_id integer not null,
  terminal text not null,
  epoch integer not null,
  business_date date not null,
  location_id integer not null,
  receipts bigint not null default 0,
  units bigint not null default 0,
  unmapped_units bigint not null default 0,
  lag_seconds_max integer not null default 0,
  constraint terminal_day_pkey primary key (cell_id, terminal, epoch, business_date)
) with (fillfactor = 50);
create index terminal_day_by_place on pos.terminal_day (cell_id, location_id, business_date);

-- What a till said of its day when it was closed (the Z-count).
create table pos.closing (
  cell_id integer not null,
  terminal text not null,
  epoch integer not null,
  business_date date not null,
  receipts bigint not null,
  last_sequence bigint not null,
  recorded_at timestamptz not null,
  client_id integer,
  constraint closing_pkey primary key (cell_id, terminal, epoch, business_date),
  constraint announced_receipts_not_negative check (receipts >= 0)
);

-- Goods handed over to a customer whose receipt is still to come, or came: each is matched with the
-- one till sale of the same goods within the hour, or with none (domain §2.8).
create table pos.handover (
  cell_id integer not null,
  handover_id uuid not null,
  location_id integer not null,
  sku_id integer not null,
  quantity bigint not null,
  order_id uuid not null,
  document_id uuid not null,
  handed_over_at timestamptz not null,
  state text not null default 'waiting',
  receipt_id uuid,
  line integer,
  changed_at timestamptz not null,
  -- a person has decided: judged no more
  settled boolean not null default false,
  constraint handover_pkey primary key (cell_id, handover_id),
  constraint handover_state_is_known check (
    state in ('waiting', 'matched', 'ambiguous', 'unmatched')
  ),
  constraint a_match_names_its_receipt check (state <> 'matched' or receipt_id is not null)
);
create index handover_by_goods on pos.handover (cell_id, location_id, sku_id, handed_over_at);
create index handover_by_time on pos.handover (cell_id, handed_over_at);
create index handover_waiting on pos.handover (cell_id, handed_over_at)
where state = 'waiting';

-- A receipt as it was asked for, with its terminal resolved and what is already known of its
-- natural key. `version` is that of the kept receipt (0: none yet), `receipt_id` the kept one's or
-- the command's own, `occurred_at` the effective one (`body` has the till's own). Subscripts of
-- arrays beside it are `command`.
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
  body jsonb,
  clock_offset_seconds integer
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
  reference text,
  sale_terminal text,
  sale_sequence bigint
);
