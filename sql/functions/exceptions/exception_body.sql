-- Purpose: an exception as the API tells it.
create or replace function exceptions.exception_body(p_exception pos.exception)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', (p_exception).exception_id, 'kind', (p_exception).kind, 'state', (p_exception).state,
    'terminal', (p_exception).terminal, 'epoch', (p_exception).epoch,
    'sequence', (p_exception).sequence, 'location', (
      select l.location from locations.location l where l.location_id = (p_exception).location_id
    ),
    'receipt', (p_exception).receipt_id, 'line', (p_exception).line, 'gtin', (p_exception).gtin,
    'quantity', (p_exception).quantity, 'code', (p_exception).code, 'sku', (p_exception).sku, 'body', (p_exception).body,
    'resolution', (p_exception).resolution, 'recorded_at', (p_exception).recorded_at,
    'resolved_at', (p_exception).resolved_at
  )
$$;
