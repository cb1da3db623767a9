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
);

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
  voided_by uuid,
  version bigint not null default 1,
  body jsonb not null,
  problems jsonb not null default '[]',
  constraint receipt_pkey primary key (cell_id, receipt_id),
  constraint one_receipt_per_sequence unique (cell_id, terminal, epoch, sequence),
  constraint receipt_kind_is_known check (
    kind in ('sale', 'return', 'exchange', 'void', 'no_sale')
  ),
  constraint receipt_status_is_known check (
    status in ('posted', 'partly_posted', 'parked', 'held_for_review', 'ignored', 'rejected', 'voided')
  ),
  constraint sequence_is_positive check (sequence >= 1)
);

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
  cell_id, terminal, sequence, kind, fingerprint, coalesce(line, 0)
);
create index exception_open on pos.exception (cell_id, recorded_at, exception_id)
where state = 'open';
