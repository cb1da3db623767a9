-- Purpose: a person says which item a code is. A barcode becomes the item's, so that every line that
--   waits for it is posted (here, or within seconds by the sweep); another code, or an item number
--   that nobody has, is taken for that item in the lines that wait now.
create or replace function mapping.map_code(
  p_cell integer, p_exception pos.exception, p_command jsonb, p_locked text[], p_resolution jsonb,
  p_now timestamptz, out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_sku text := p_command ->> 'sku';
  v_gtin text := p_command ->> 'gtin';
  v_item catalog.item;
  v_taken text;
begin
  select i.* into v_item from catalog.item i where i.sku = v_sku for update;
  if v_item.sku_id is null then
    outcome := jsonb_build_object(
      'code', case when v_sku is null then 'invalid_value' else 'unknown_sku' end,
      'detail', case when v_sku is null then '/sku: Map says which item it is.'
      else 'There is no item ' || v_sku || ': make it first (PUT /v1/items/{sku}).' end
    );
    return;
  end if;
  select i.sku into v_taken
  from catalog.barcode b
  join catalog.item i on i.sku_id = b.sku_id
  where b.gtin = v_gtin and i.sku_id <> v_item.sku_id;
  if v_taken is not null then
    outcome := jsonb_build_object('code', 'gtin_taken', 'detail', v_gtin || ' belongs to ' || v_taken
      || ' by now: its lines are posted as that within seconds.');
    return;
  end if;
  if v_gtin is not null then
    insert into catalog.barcode (gtin, sku_id)
    select v_gtin, v_item.sku_id
    where not exists (select 1 from catalog.barcode b where b.gtin = v_gtin);
    update catalog.item i
    set version = i.version + 1, changed_at = p_now
    where i.sku_id = v_item.sku_id and found;
  end if;
  select r.news into news
  from exceptions.replay_lines(
    p_cell, mapping.alike(p_cell, p_exception, p_locked),
    case when v_gtin is null then v_sku end, p_resolution || '{"action": "mapped"}', p_now
  ) r;
  outcome := jsonb_build_object('code', 'mapped', 'receipt_id', p_exception.receipt_id, 'status', (
    select c.status from pos.receipt c
    where c.cell_id = p_cell and c.receipt_id = p_exception.receipt_id
  ));
end;
$$;
