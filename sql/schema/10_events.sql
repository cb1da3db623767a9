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
