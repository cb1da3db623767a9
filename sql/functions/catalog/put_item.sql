-- Purpose: makes an item or changes it, with its barcodes (R12, R106).
-- Takes: commands of catalog.commands.PutItem, in arrival order, each with the whole item.
--   `codes`: every barcode as [{gtin, factor}]; one that is left out is free again.
--   `expected_version` null: any; 0: only if it does not exist.
-- Lock order: items by sku, then barcodes by gtin. New ones are taken in arrival order: two batches
--   that fight for the same new codes may deadlock, and the lane asks again.
-- Outcomes: created · updated · unchanged (with `version`) · gtin_taken (with `gtin`, `sku`) ·
--   precondition_failed · idempotency_key_reused. Events: none.
create or replace function catalog.put_item(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_outcomes jsonb[];
  v_each record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform 1
  from catalog.item i
  where i.sku in (select c.sku from jsonb_to_recordset(p_commands) as c (sku text))
  order by i.sku
  for update of i;

  perform 1
  from catalog.barcode b
  where b.gtin in (
    select x.gtin
    from jsonb_to_recordset(p_commands) as c (codes jsonb)
    cross join jsonb_to_recordset(c.codes) as x (gtin text)
  )
  order by b.gtin
  for update of b;

  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_each in
    select c.command, c.ordinality
    from jsonb_array_elements(p_commands) with ordinality c (command, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_each.ordinality] is null then
      v_outcomes[v_each.ordinality] := catalog.write_item(v_each.command, v_now);
    elsif v_outcomes[v_each.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_each.ordinality] := web.twin_outcome(v_outcomes[v_each.ordinality], v_outcomes);
    end if;
  end loop;
  perform web.remember(p_cell, 'catalog.put_item', p_commands, v_outcomes, v_now);
  return to_jsonb(v_outcomes);
end;
$$;
