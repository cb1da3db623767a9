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
