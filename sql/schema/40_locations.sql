-- Places that hold goods. A small table of its own, never written by a stock command.
create schema locations;

create table locations.location (
  location_id integer generated always as identity,
  location text not null,
  cell_id integer not null default 1,
  name text not null,
  kind text not null,
  state text not null default 'open',
  country text,
  region text,
  time_zone text not null,
  latitude double precision,
  longitude double precision,
  gln text,
  opening_hours jsonb not null,
  closures jsonb not null,
  pickup jsonb not null,
  safety_stock bigint not null,
  version bigint not null default 1,
  -- numbers the location's events, without gaps
  event_count bigint not null default 0,
  changed_at timestamptz not null,
  constraint location_pkey primary key (location_id),
  constraint location_code_is_unique unique (location),
  constraint location_code_is_well_formed check (location ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
  constraint kind_is_known check (
    kind in ('store', 'flagship', 'outlet', 'popup', 'warehouse', 'webshop', 'dealer')
  ),
  constraint state_is_known check (state in ('open', 'closing', 'closed')),
  constraint coordinates_come_in_pairs check ((latitude is null) = (longitude is null)),
  constraint safety_stock_not_negative check (safety_stock >= 0)
);
