-- Purpose: the payload of stock.changed: the state at that moment, what it was before, and the cause.
create or replace function stock.changed_data(
  p_location text, p_sku text, p_cause text, p_version bigint, p_sellable bigint, p_staged bigint,
  p_quarantine bigint, p_damaged bigint, p_display bigint, p_missing bigint, p_reserved bigint,
  p_unpicked bigint, p_frozen text, p_sellable_change bigint, p_reserved_change bigint,
  p_unpicked_change bigint
)
returns jsonb
language sql
immutable
parallel safe
as $$
  select jsonb_build_object(
    'location', p_location, 'sku', p_sku, 'cause', p_cause, 'version', p_version,
    'sellable', p_sellable, 'staged', p_staged, 'quarantine', p_quarantine, 'damaged', p_damaged,
    'display', p_display, 'missing', p_missing, 'reserved', p_reserved, 'unpicked', p_unpicked,
    'frozen', p_frozen,
    'before', jsonb_build_object(
      'sellable', p_sellable - p_sellable_change, 'reserved', p_reserved - p_reserved_change,
      'unpicked', p_unpicked - p_unpicked_change
    )
  )
$$;
