-- Purpose: the goods ledger of one item at one place, newest first, from below a ledger sequence
--   (null: from the newest).
-- Returns: a JSON array, empty where nothing ever moved; null where the place (in this cell) or the
--   item is unknown.
create or replace function stock.read_ledger(
  p_cell integer, p_location text, p_sku text, p_before bigint, p_limit integer
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_location_id integer;
  v_sku_id integer;
begin
  select l.location_id, i.sku_id into v_location_id, v_sku_id
  from locations.location l
  join catalog.item i on i.sku = p_sku
  where l.cell_id = p_cell and l.location = p_location;
  if not found then
    return null;
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'sequence', e.ledger_sequence, 'from', e.from_account, 'to', e.to_account,
      'quantity', e.quantity, 'kind', e.kind, 'occurred_at', e.occurred_at,
      'recorded_at', e.recorded_at, 'source', e.source, 'reason', e.reason,
      'reference', e.reference, 'document', e.document_id, 'actor', c.name, 'reverses', e.reverses
    ) order by e.ledger_sequence desc), '[]')
    from (
      select g.*
      from stock.ledger_entry g
      where g.cell_id = p_cell and g.location_id = v_location_id and g.sku_id = v_sku_id
        and g.ledger_sequence < coalesce(p_before, 9223372036854775807)
      order by g.ledger_sequence desc
      limit p_limit
    ) e
    left join access.client c on c.client_id = e.client_id
  );
end;
$$;
