-- Purpose: the ledger entries of a document that nothing has taken back yet, with their numbers: those
--   that are written, and those that are on their way (p_pending: what one stock.post will be handed,
--   in that order, on levels that are locked).
create or replace function pos.entries_of(
  p_cell integer, p_document_id uuid, p_pending stock.goods_change[]
)
returns table (
  location_id integer, sku_id integer, ledger_sequence bigint, from_account text, to_account text,
  quantity bigint, kind text, occurred_at timestamptz
)
language plpgsql
stable
rows 4
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with entry as (
    select
      e.location_id, e.sku_id, e.ledger_sequence, e.from_account, e.to_account, e.quantity, e.kind,
      e.occurred_at, e.reverses
    from stock.ledger_entry e
    where e.cell_id = p_cell and e.document_id = p_document_id
    union all
    select
      g.location_id, g.sku_id, s.version + g.number, g.from_account, g.to_account, g.quantity,
      g.kind, g.occurred_at, g.reverses
    from (
      select
        u.*, row_number() over (
          partition by u.location_id, u.sku_id order by u.ordinality
        ) as number
      from unnest(p_pending) with ordinality u
    ) g
    cross join lateral (
      select v.version
      from stock.stock_level v
      where v.cell_id = p_cell and v.location_id = g.location_id and v.sku_id = g.sku_id
      limit 1
    ) s
    where g.document_id = p_document_id
  )
  select
    e.location_id, e.sku_id, e.ledger_sequence, e.from_account, e.to_account, e.quantity, e.kind,
    e.occurred_at
  from entry e
  where e.reverses is null and not exists (
    select 1
    from entry r
    where r.location_id = e.location_id and r.sku_id = e.sku_id and r.reverses = e.ledger_sequence
  );
end;
$$;
