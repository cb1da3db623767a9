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
