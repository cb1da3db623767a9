-- Tills that are silent, missing numbers, counts that late sales are trued up against, and what follows.

alter table stock.stock_level add column not_found_at timestamptz[];

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

alter table pos.terminal
  add column in_service boolean not null default true,
  add column heartbeat_at timestamptz,
  add column announced_sequence bigint,
  add column clock_offset_seconds integer,
  add column synced_through timestamptz,
  add column lag_seconds integer,
  add column state text,
  add column event_count bigint not null default 0,
  add constraint terminal_state_is_known check (
    state in ('online', 'stale', 'offline', 'catching_up', 'reconciled')
  );

alter table pos.exception add column code text, add column sku text;
create index exception_open_gap on pos.exception (cell_id, terminal, epoch, sequence)
where kind = 'gap' and state = 'open';
create index exception_unmapped_by_code on pos.exception (cell_id, coalesce(code, sku))
where kind = 'unmapped' and state = 'open';
create index exception_open_by_place on pos.exception (location_id, recorded_at, exception_id)
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
  constraint handover_pkey primary key (cell_id, handover_id),
  constraint handover_state_is_known check (
    state in ('waiting', 'matched', 'ambiguous', 'unmatched')
  ),
  constraint a_match_names_its_receipt check (state <> 'matched' or receipt_id is not null)
);
create index handover_by_goods on pos.handover (cell_id, location_id, sku_id, handed_over_at);
