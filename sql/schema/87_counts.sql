-- Counting what is really there: sessions by zone, blind, while the shop stays open (domain §2.5).
create schema counts;

-- One count of a place. `round` is 1, and one more with each recount; a count that was approved when
-- it came (POST /v1/counts with lines) is a session too, posted at once.
create table counts.session (
  cell_id integer not null,
  session_id uuid not null,
  location_id integer not null,
  kind text not null,
  state text not null,
  round integer not null default 1,
  -- only these items are counted (those of counts.item from the start on)
  limited boolean not null default false,
  reason text,
  task_id uuid,
  -- how many scans were taken, and the number of the newest of its events
  scan_count bigint not null default 0,
  event_count bigint not null default 0,
  over_tolerance integer,
  provisional boolean not null default false,
  opened_by integer,
  approved_by integer,
  approved_employee text,
  opened_at timestamptz not null,
  active_at timestamptz not null,
  submitted_at timestamptz,
  approved_at timestamptz,
  ended_at timestamptz,
  version bigint not null default 1,
  constraint session_pkey primary key (cell_id, session_id),
  constraint count_kind_is_known check (kind in ('full', 'cycle', 'spot', 'ready_shelf')),
  constraint count_state_is_known check (state in (
    'open', 'counting', 'submitted', 'recount', 'approved', 'posted', 'cancelled'
  )),
  constraint round_is_positive check (round >= 1),
  constraint an_ended_count_has_its_end check (
    (state in ('posted', 'cancelled')) = (ended_at is not null)
  )
);
create index session_by_time on counts.session (session_id);
create index session_by_place on counts.session (location_id, session_id);
create index session_by_idleness on counts.session (cell_id, active_at)
where state in ('open', 'counting', 'submitted', 'recount');
create index session_being_posted on counts.session (cell_id, approved_at)
where state = 'approved';

-- A part of the place, counted by itself.
create table counts.zone (
  cell_id integer not null,
  session_id uuid not null,
  zone text not null,
  scans bigint not null default 0,
  closed_at timestamptz,
  constraint zone_pkey primary key (cell_id, session_id, zone)
);

-- What each beep or typed number said, as it said it (R98). Never changed.
create table counts.scan (
  cell_id integer not null,
  session_id uuid not null,
  scan_number bigint not null,
  round integer not null,
  zone text not null,
  sku_id integer not null,
  quantity bigint not null,
  counted_at timestamptz not null,
  recorded_at timestamptz not null,
  employee text,
  client_id integer not null,
  constraint scan_pkey primary key (cell_id, session_id, scan_number)
);

-- The scans of one item in one zone and round, summed; `counted_at` is that of the last of them,
-- `first_at` of the first.
create table counts.line (
  cell_id integer not null,
  session_id uuid not null,
  sku_id integer not null,
  round integer not null,
  zone text not null,
  quantity bigint not null,
  first_at timestamptz not null,
  counted_at timestamptz not null,
  employee text,
  constraint line_pkey primary key (cell_id, session_id, sku_id, round, zone),
  constraint line_not_negative check (quantity >= 0)
);

-- One item of a count: the round whose lines stand, and what came of it when it was posted. An item
-- that was asked for and never scanned has no lines.
create table counts.item (
  cell_id integer not null,
  session_id uuid not null,
  sku_id integer not null,
  round integer not null,
  counted bigint,
  expected bigint,
  counted_at timestamptz,
  posted_at timestamptz,
  constraint item_pkey primary key (cell_id, session_id, sku_id),
  constraint a_posted_item_has_its_count check (
    posted_at is null or (counted is not null and expected is not null and counted_at is not null)
  )
);
create index item_to_post on counts.item (cell_id, session_id, sku_id)
where posted_at is null and counted is not null;
