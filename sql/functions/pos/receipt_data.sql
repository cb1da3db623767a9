-- Purpose: what the events of a receipt carry: where it belongs and what became of it. Its lines
--   are read from the receipt or from stock.changed. Pure.
create or replace function pos.receipt_data(
  p_receipt pos.asked_receipt, p_status text, p_problems jsonb
)
returns jsonb
language sql
immutable
parallel safe
as $$
  select jsonb_build_object(
    'receipt', (p_receipt).receipt_id, 'terminal', (p_receipt).terminal,
    'epoch', (p_receipt).epoch, 'sequence', (p_receipt).sequence, 'kind', (p_receipt).kind,
    'location', (p_receipt).location, 'status', p_status,
    'order', (p_receipt).body -> 'order', 'problems', coalesce(p_problems, '[]')
  )
$$;
