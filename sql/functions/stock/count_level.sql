-- Purpose: a one-line count: the sellable goods of one item at one place are what was counted (R87:
--   with a reason). A count equal to the book writes no ledger entry, yet is remembered as a count;
--   any count thaws the level. It was counted now: what occurs later by a till's clock comes on top.
-- Takes: commands of stock.commands.CountLevel.
-- Lock order: stock levels by (location, sku), then the cell's state.
-- Outcomes: counted (with the level after it) · expected_quantity_mismatch (with the actual) ·
--   precondition_failed · not_found · not_stock_tracked · idempotency_key_reused.
-- Events: stock.changed, stock.negative.
create or replace function stock.count_level(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_counts stock.asked_count[];
  v_book bigint[];
  v_change bigint[];
  v_outcomes jsonb[];
  v_stands boolean[];
  v_lines stock.counted_line[];
  v_events events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  v_counts := stock.parse_levels(p_cell, p_commands);
  perform stock.lock_levels(
    p_cell, v_now, array_agg(u.location_id), array_agg(u.sku_id), array_agg(u.problem is null)
  )
  from unnest(v_counts) u
  where u.problem is null;

  select array_agg(coalesce(s.sellable, 0) order by w.slot),
    array_agg(coalesce(s.change_count, 0) order by w.slot)
  into v_book, v_change
  from (select distinct u.slot, u.location_id, u.sku_id from unnest(v_counts) u) w
  left join stock.stock_level s
    on s.cell_id = p_cell and s.location_id = w.location_id and s.sku_id = w.sku_id;

  select d.v_outcomes, d.v_stands into v_outcomes, v_stands
  from stock.decide_counts(
    v_counts, web.seen_outcomes(p_cell, p_commands), v_book, v_change
  ) d;
  select array_agg((u.location_id, u.sku_id, u.sellable, v_now, u.document_id, false, u.reason,
    u.client_id)::stock.counted_line order by u.command)
  into v_lines
  from unnest(v_counts) u
  where v_stands[u.command];
  v_events := (select c.v_events from stock.post_counts(p_cell, v_lines, v_now) c);

  select array_agg(
    case
      when v_stands[c.command] is null then v_outcomes[c.command]
      else v_outcomes[c.command] || jsonb_build_object('level', (
        select to_jsonb(r) from stock.read_level(p_cell, c.location, c.sku, v_now) r
      ))
    end
    order by c.command
  )
  into v_outcomes
  from unnest(v_counts) c;
  perform web.remember(p_cell, 'stock.count_level', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
