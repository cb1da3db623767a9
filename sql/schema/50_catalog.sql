-- What is sold, and under which barcodes. Small tables of their own, never written by a stock command.
create schema catalog;

create table catalog.item (
  sku_id integer generated always as identity,
  sku text not null,
  name text not null,
  category text,
  brand text,
  collection text,
  image_urls text[] not null default '{}',
  price bigint,
  currency text,
  stock_tracked boolean not null default true,
  unit text not null default 'piece',
  scale integer not null default 1,
  safety_stock bigint,
  version bigint not null default 1,
  changed_at timestamptz not null,
  constraint item_pkey primary key (sku_id),
  constraint sku_is_unique unique (sku),
  constraint sku_has_no_slash check (position('/' in sku) = 0 and char_length(sku) between 1 and 64),
  constraint unit_is_known check (unit in ('piece', 'g', 'ml', 'mm')),
  constraint scale_is_positive check (scale >= 1),
  constraint price_has_a_currency check ((price is null) = (currency is null)),
  constraint price_not_negative check (price >= 0),
  constraint item_safety_stock_not_negative check (safety_stock >= 0)
);
create index item_by_category on catalog.item (category, sku);
create index item_by_words on catalog.item
using gin (to_tsvector('simple'::regconfig, name || ' ' || sku));

-- A barcode belongs to one item; a pack's barcode stands for `factor` sales units of it.
create table catalog.barcode (
  gtin text not null,
  sku_id integer not null,
  factor integer not null default 1,
  constraint barcode_pkey primary key (gtin),
  constraint barcode_belongs_to_an_item foreign key (sku_id) references catalog.item (sku_id),
  constraint gtin_has_14_digits check (gtin ~ '^[0-9]{14}$'),
  constraint factor_is_positive check (factor >= 1)
);
create index barcode_by_item on catalog.barcode (sku_id);
