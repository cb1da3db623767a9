-- Exceptions: what people and later arrivals settle. Their table stands in pos, since receipts make it.
create schema exceptions;

-- Codes that become known, and the lines that waited for them.
create schema mapping;

-- Returns that come before their sale, or out of the order of their times.
create schema late;

-- A returned line as it is judged again: `quantity` of its units its sale had left, `surplus` it had
-- not; `change` is by how much that is more than before.
create type late.judged_return as (
  document_id uuid,
  line integer,
  sale_document_id uuid,
  sale_line integer,
  quantity bigint,
  surplus bigint,
  change bigint,
  location_id integer,
  sku_id integer,
  goods_move boolean,
  returned_at timestamptz,
  client_id integer,
  reference text
);
