-- What was sold to a customer, whichever channel sold it: the unit of return.
create schema sales;

create table sales.sale_line (
  cell_id integer not null,
  document_id uuid not null,
  line integer not null,
  location_id integer not null,
  sku_id integer not null,
  quantity bigint not null,
  returned bigint not null default 0,
  unit_price bigint,
  paid bigint,
  refunded bigint not null default 0,
  currency text,
  channel text not null,
  customer text,
  sold_at timestamptz not null,
  voided boolean not null default false,
  constraint sale_line_pkey primary key (cell_id, document_id, line),
  constraint sold_quantity_is_positive check (quantity > 0),
  constraint never_more_returned_than_sold check (returned between 0 and quantity),
  constraint refunded_not_negative check (refunded >= 0)
);
create index sale_line_by_customer on sales.sale_line (cell_id, customer, sold_at)
where customer is not null;

-- What came back of which sale line: one row a returned receipt line that named its sale.
-- `quantity` is what was still out there, `surplus` what was handed in beyond it. A sale that has not
-- come yet is null, and found later by what names it; all that name one line are judged in the order
-- of their times, whenever they came, except what a person has `settled`.
create table sales.return_line (
  cell_id integer not null,
  document_id uuid not null,
  line integer not null,
  sale_document_id uuid,
  sale_line integer not null,
  quantity bigint not null,
  surplus bigint not null,
  returned_at timestamptz not null,
  voided boolean not null default false,
  sale_terminal text,
  sale_sequence bigint,
  location_id integer,
  sku_id integer,
  tracked boolean,
  resaleable boolean,
  client_id integer,
  settled boolean not null default false,
  constraint return_line_pkey primary key (cell_id, document_id, line),
  constraint returned_quantity_not_negative check (quantity >= 0),
  constraint surplus_not_negative check (surplus >= 0)
);
create index return_line_by_sale on sales.return_line (cell_id, sale_document_id, sale_line);
create index return_line_waiting on sales.return_line (
  cell_id, sale_terminal, sale_sequence, sale_line
) where sale_document_id is null and not voided;
