-- Purpose: sets sellable absolutely, a line an item at a place, in the order of the file (contract
--   §12, Ledger): goods that a level never had before are its opening stock, later lines are
--   one-line counts. A line that equals the book only says that it was counted now, without news.
-- Takes: commands of imports.commands.ImportLevels: chunks of lines.
-- Lock order: stock levels by (location, sku), then the cell's state.
-- Outcomes: imported (with a word a line: accepted · unchanged · unknown_location · unknown_sku ·
--   not_stock_tracked) · idempotency_key_reused.
-- Events: stock.changed, stock.negative.
create or replace function imports.import_levels(
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
  v_asked record;
  v_seen jsonb[];
  v_plan record;
  v_outcomes jsonb[];
  v_events events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  select * into v_asked from imports.parse_levels(p_cell, p_commands);
  perform stock.lock_levels(
    p_cell, v_now, array_agg(u.location_id), array_agg(u.sku_id), array_agg(u.problem is null)
  )
  from unnest(v_asked.lines) u
  where u.problem is null;

  v_seen := web.seen_outcomes(p_cell, p_commands);
  select * into v_plan from imports.decide_levels(p_cell, v_asked.lines, v_asked.owners, v_seen);
  v_outcomes := imports.gather_words(v_plan.words, v_asked.owners, v_seen);

  v_events := imports.open_stock(p_cell, v_asked.lines, v_plan.openings, v_now)
    || imports.count_stock(p_cell, v_asked.lines, v_plan.variances, v_now);
  perform imports.confirm_stock(p_cell, array(
    select u
    from unnest(v_asked.lines) u
    where v_plan.words[u.command] is not null and u.problem is null
      and v_plan.openings[u.command] is null and v_plan.variances[u.command] is null
  ), v_now);
  perform web.remember(p_cell, 'imports.import_levels', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_events);
  return to_jsonb(v_outcomes);
end;
$$;
