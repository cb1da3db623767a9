-- Purpose: a count that is approved as it comes (contract §3): every line is decided by itself and posted at
--   once by the late-event rule. It is kept as a session that is posted; its id is the document.
-- Takes: commands of counts.commands.PostCount, in arrival order.
-- Lock order: stock levels by (location, sku), then the cell's state.
-- Outcomes: posted (with one result a line: posted · refused) · unknown_location ·
--   idempotency_key_reused. Codes of refused lines: unknown_sku · unknown_gtin · not_stock_tracked ·
--   in_the_future · invalid_value · counted_twice, and what Python refused before.
-- Events: stock.changed, count.variance, count.posted.
create or replace function counts.post_count(
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
  v_outcomes jsonb[];
  v_news events.new_event[];
  v_ask record;
  v_done record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  -- all levels of the batch in one go, in their order
  perform stock.lock_levels(
    p_cell, v_now, array_agg(l.location_id), array_agg(x.sku_id), array_agg(x.problem is null)
  )
  from jsonb_array_elements(p_commands) c (command)
  join locations.location l on l.location = c.command ->> 'location' and l.cell_id = p_cell
  cross join lateral counts.parse_lines(p_cell, null, c.command -> 'lines', v_now) x
  where x.problem is null;
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_ask in
    select c.command, c.ordinality
    from jsonb_array_elements(p_commands) with ordinality c (command, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_ask.ordinality] is null then
      select * into v_done from counts.post_one(p_cell, v_ask.command, v_now);
      v_outcomes[v_ask.ordinality] := v_done.outcome;
      v_news := v_news || v_done.news;
    elsif v_outcomes[v_ask.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_ask.ordinality] := web.twin_outcome(v_outcomes[v_ask.ordinality], v_outcomes);
    end if;
  end loop;
  perform web.remember(p_cell, 'counts.post_count', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_news);
  return to_jsonb(v_outcomes);
end;
$$;
