-- Purpose: posts lines that nobody knew when they came and that are known now, each with its own time,
--   in its receipt's name and through the same steps as any other line. The till's terminals are
--   locked; what another process settled meanwhile is left alone.
-- Takes: unmapped exceptions; p_sku is the item of all of them, or null: as the catalogue has it now.
-- Returns: the events (null: nothing was posted), and how many lines were.
create or replace function exceptions.replay_lines(
  p_cell integer, p_exception_ids uuid[], p_sku text, p_resolution jsonb, p_now timestamptz,
  out news events.new_event[], out line_count integer
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_receipts pos.asked_receipt[] := mapping.waiting_receipts(p_cell, p_exception_ids, p_sku);
  v_lines pos.asked_line[];
  v_told jsonb[];
  v_moved record;
begin
  v_lines := array(
    select u from unnest(pos.parse_lines(v_receipts)) u where u.sku_id is not null
  );
  line_count := cardinality(v_lines);
  if line_count = 0 then
    return;
  end if;
  perform pos.lock_levels(p_cell, v_receipts, v_lines, p_now);
  perform mapping.count_known(p_cell, v_lines);

  update pos.exception x
  set state = 'resolved', resolved_at = p_now, resolution = p_resolution || jsonb_build_object(
    'sku', (select i.sku from catalog.item i where i.sku_id = l.sku_id)
  )
  from (select p_cell as cell_id, u.* from unnest(v_lines) u) l
  where x.cell_id = l.cell_id and x.receipt_id = l.receipt_id and x.line = l.line
    and x.kind = 'unmapped' and x.state = 'open';

  select p.news, p.told into news, v_told
  from exceptions.settle_lines(p_cell, v_receipts, v_lines, 'pos.replayed') p;
  select * into v_moved from pos.move_lines(p_cell, v_lines, v_told) m;
  if v_moved.problems is not null then
    perform exceptions.keep_exceptions(p_cell, v_receipts, '{}', v_moved.problems, p_now);
  end if;
  news := news || pos.post_goods(
    p_cell, v_receipts, v_lines, null, v_moved.goods, v_moved.claims, p_now
  );
  perform terminals.sync_places(
    p_cell, array(select distinct u.location_id from unnest(v_lines) u), p_now
  );
end;
$$;
