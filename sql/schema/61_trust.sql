-- How far the book is to be believed, and what is done about it: functions over stock and locations,
-- no tables of its own.
create schema trust;

-- A counted line, judged: what the book expected at that moment, by how much it was wrong, and the
-- count of a later moment that is posted already (null: none), which makes this one late. `settles`:
-- nothing later is known that it does not answer. `is_last`: the newest line of its level.
create type trust.judged_count as (
  line integer,
  location_id integer,
  sku_id integer,
  counted bigint,
  counted_at timestamptz,
  document_id uuid,
  provisional boolean,
  reason text,
  client_id integer,
  expected bigint,
  variance bigint,
  next_at timestamptz,
  next_document uuid,
  sellable_after bigint,
  settles boolean,
  is_last boolean
);

-- A level that fell below zero just now, owes more than it has (or did), or misses goods.
create type trust.trouble as (
  location_id integer,
  sku_id integer,
  fell boolean,
  client_id integer
);
