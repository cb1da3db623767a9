-- Goods on their way from one place to another: asked for, sent, come, missed.
create schema transfers;

-- `version` numbers its events. The three clocks are null where nothing runs: `unpicked_since` while
-- something is still claimed at the sender, `short_since` while what was sent has not all come,
-- `overdue_at` once that was told.
create table transfers.transfer (
  cell_id integer not null,
  transfer_id uuid not null,
  from_location_id integer not null,
  to_location_id integer not null,
  state text not null,
  reference text,
  eta timestamptz,
  override_reason text,
  client_id integer not null,
  requested_at timestamptz not null,
  unpicked_since timestamptz,
  short_since timestamptz,
  overdue_at timestamptz,
  sender_confirmed boolean not null default false,
  receiver_confirmed boolean not null default false,
  closed_at timestamptz,
  version bigint not null default 0,
  changed_at timestamptz not null,
  constraint transfer_pkey primary key (cell_id, transfer_id),
  constraint transfer_state_is_known check (state in (
    'requested', 'dispatched', 'partly_received', 'received', 'disputed', 'closed', 'cancelled'
  )),
  constraint transfer_goes_elsewhere check (from_location_id <> to_location_id),
  constraint transfer_is_closed_once check ((state = 'closed') = (closed_at is not null))
);
create index transfer_by_sender on transfers.transfer (cell_id, from_location_id, transfer_id);
create index transfer_by_receiver on transfers.transfer (cell_id, to_location_id, transfer_id);
create index transfer_unpicked on transfers.transfer (cell_id, unpicked_since)
where unpicked_since is not null;
create index transfer_short on transfers.transfer (cell_id, short_since)
where short_since is not null;
create index transfer_under_way on transfers.transfer (cell_id, eta)
where overdue_at is null and state in ('dispatched', 'partly_received', 'disputed');

-- One item of a transfer. In transit is dispatched - received - lost; `open` is claimed at the
-- sender and still to be sent; `found` of the lost came after all, `extra` beyond what was sent.
create table transfers.transfer_line (
  cell_id integer not null,
  transfer_id uuid not null,
  sku_id integer not null,
  line integer not null,
  requested bigint not null,
  open bigint not null,
  dispatched bigint not null default 0,
  received bigint not null default 0,
  lost bigint not null default 0,
  found bigint not null default 0,
  extra bigint not null default 0,
  damaged bigint not null default 0,
  constraint transfer_line_pkey primary key (cell_id, transfer_id, sku_id),
  constraint requested_is_positive check (requested > 0),
  constraint open_not_negative check (open >= 0),
  constraint dispatched_within_requested check (dispatched >= 0 and open + dispatched <= requested),
  constraint in_transit_not_negative check (received >= 0 and lost >= 0 and received + lost <= dispatched),
  constraint found_within_lost check (found between 0 and lost),
  constraint extra_not_negative check (extra >= 0),
  constraint damaged_within_arrived check (damaged between 0 and received + found + extra)
);

-- Orders whose claim rides on a line while it is under way: it is theirs again, staged, on arrival.
create table transfers.rider (
  cell_id integer not null,
  transfer_id uuid not null,
  sku_id integer not null,
  order_id uuid not null,
  quantity bigint not null,
  arrived bigint not null default 0,
  constraint rider_pkey primary key (cell_id, transfer_id, sku_id, order_id),
  constraint rider_arrived_within_quantity check (quantity > 0 and arrived between 0 and quantity)
);

-- A line of a batch of asked transfers, dispatches or receipts, parsed once.
create type transfers.asked_line as (
  command integer,
  line integer,
  sku text,
  sku_id integer,
  quantity bigint,
  damaged boolean,
  for_order uuid,
  from_location text,
  from_location_id integer,
  to_location_id integer,
  problem text
);

-- How the units of an asked line arrive: those in transit first, then of the lost, then as extra;
-- `staged` of an order's waiting claim here, `ridden` of one that rides on the line.
create type transfers.arrival as (
  line integer,
  sku text,
  sku_id integer,
  for_order uuid,
  to_account text,
  quantity bigint,
  transit bigint,
  found bigint,
  extra bigint,
  staged bigint,
  ridden bigint,
  problem text
);
