-- Exceptions that people settle, lines and returns that waited, and handovers beside till sales.

create schema exceptions;
create schema mapping;
create schema late;
create schema matching;

create index exception_unmapped_by_sku on pos.exception (cell_id, sku)
where kind = 'unmapped' and state = 'open' and sku is not null;

-- lines that wait since before their code was kept with them
update pos.exception x
set
  code = case
    when x.gtin ~ '^[0-9]{8}$|^[0-9]{12,14}$' then lpad(x.gtin, 14, '0')
    else x.gtin
  end,
  sku = x.body ->> 'sku'
where x.kind = 'unmapped';

alter table sales.return_line
  alter column sale_document_id drop not null,
  add column sale_terminal text,
  add column sale_sequence bigint,
  add column location_id integer,
  add column sku_id integer,
  add column tracked boolean,
  add column resaleable boolean,
  add column client_id integer,
  add column settled boolean not null default false;
-- judged once, when they came, and without what judging them again needs
update sales.return_line r set settled = true;
create index return_line_waiting on sales.return_line (
  cell_id, sale_terminal, sale_sequence, sale_line
) where sale_document_id is null and not voided;

alter type pos.returned_line add attribute sale_terminal text;
alter type pos.returned_line add attribute sale_sequence bigint;

alter table pos.handover add column settled boolean not null default false;
create index handover_by_time on pos.handover (cell_id, handed_over_at);
create index handover_waiting on pos.handover (cell_id, handed_over_at)
where state = 'waiting';

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

-- they stand in the new schema now
drop function if exists pos.resolve_exception(integer, jsonb, timestamptz);
drop function if exists pos.settle_exception(
  integer, uuid, text[], text, jsonb, jsonb, timestamptz
);
drop function if exists pos.accept_receipt(integer, pos.asked_receipt, timestamptz);
drop function if exists pos.kept_receipt(integer, uuid, jsonb);
drop function if exists pos.exception_body(pos.exception);
drop function if exists pos.exception_id(uuid, text);
drop function if exists pos.close_unknown(integer, pos.asked_receipt[], timestamptz);
drop function if exists pos.keep_exceptions(
  integer, pos.asked_receipt[], text[], pos.line_problem[], timestamptz
);
drop function if exists pos.named_terminals(text, jsonb);
-- and these give back more than they did
drop function if exists pos.void_receipts(integer, pos.asked_receipt[], text[], timestamptz);
drop function if exists pos.void_parked(integer, pos.asked_receipt[], timestamptz);
drop function if exists pos.reverse_receipt(integer, uuid, pos.asked_receipt, timestamptz);
drop function if exists pos.reversed_goods(integer, uuid, pos.asked_receipt);

create index exception_by_place on pos.exception (location_id, recorded_at, exception_id);
