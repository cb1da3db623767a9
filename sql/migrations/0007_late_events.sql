-- Late events against counts: what a level must know of its ledger, and what it owes a person.

create schema trust;

alter table stock.stock_level
  add column last_moved_at timestamptz,
  add column moved_ahead interval not null default '0';

update stock.stock_level s
set last_moved_at = e.last_moved_at, moved_ahead = greatest(e.moved_ahead, '0')
from (
  select
    g.cell_id, g.location_id, g.sku_id, max(g.occurred_at) as last_moved_at,
    max(g.occurred_at - g.recorded_at) as moved_ahead
  from stock.ledger_entry g
  group by g.cell_id, g.location_id, g.sku_id
) e
where s.cell_id = e.cell_id and s.location_id = e.location_id and s.sku_id = e.sku_id;

create index place_sync_in_doubt on stock.place_sync (cell_id, location_id)
where stale_since is not null or doubtful;

insert into stock.shortfall (cell_id, location_id, sku_id, quantity, opened_at)
select s.cell_id, s.location_id, s.sku_id, s.unpicked - s.sellable, s.changed_at
from stock.stock_level s
where s.sellable < s.unpicked;

insert into stock.count_task (cell_id, location_id, sku_id, reason, opened_at)
select s.cell_id, s.location_id, s.sku_id, s.frozen_reason, s.changed_at
from stock.stock_level s
where s.frozen_reason = 'negative_stock';

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
