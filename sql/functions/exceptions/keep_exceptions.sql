-- Purpose: keeps what a person has to look at, with all that the till said: receipts that were not
--   posted, and lines that nobody knows or that gave back too much. Once per matter and fingerprint.
--   An unmapped line keeps its code as it will be looked up (14 digits of a barcode, else what was
--   scanned) and its SKU, so that it is found when somebody makes them known.
-- Returns: the commands whose matter is new.
create or replace function exceptions.keep_exceptions(
  p_cell integer, p_receipts pos.asked_receipt[], p_codes text[], p_problems pos.line_problem[],
  p_now timestamptz
)
returns integer[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_kept uuid[];
begin
  with kept as (
    insert into pos.exception (
      cell_id, exception_id, kind, terminal, epoch, sequence, location_id, receipt_id, line, gtin,
      quantity, fingerprint, body, recorded_at, code, sku
    )
    select
      p_cell, exceptions.exception_id(r.receipt_id, x.kind || r.fingerprint || coalesce(x.line, 0)),
      x.kind, r.terminal, r.epoch, r.sequence, r.location_id,
      case when x.kind <> 'unknown_terminal' then r.receipt_id end, x.line, x.gtin, x.quantity,
      r.fingerprint, exceptions.line_body(r.body, x.line), p_now,
      case when x.kind = 'unmapped' then mapping.line_code(r, x.line) end,
      case when x.kind = 'unmapped' then x.sku end
    from (
      select
        p.command, p.code as kind, p.line, p.gtin, p.sku, p.quantity
      from unnest(p_problems) p
      where p.code in ('unmapped', 'over_return', 'fractional_quantity')
      union all
      select u.command, p_codes[u.command], null, null, null, null
      from unnest(p_receipts) u
      where p_codes[u.command] in ('unknown_terminal', 'conflict', 'held_for_review', 'parked')
    ) x
    cross join lateral (select (p_receipts[x.command]).*) r
    on conflict do nothing
    returning exception_id
  )
  select array_agg(k.exception_id) into v_kept from kept k;

  return array(
    select u.command
    from unnest(p_receipts) u
    where p_codes[u.command] = 'conflict'
      and exceptions.exception_id(u.receipt_id, 'conflict' || u.fingerprint || 0) = any(v_kept)
  );
end;
$$;
