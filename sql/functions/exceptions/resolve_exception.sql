-- Purpose: a person's word on what was kept (contract §11 Tills): a receipt that review holds is posted
--   with its own time through the same path as any other, or rejected; an unknown code is mapped; what
--   came back beyond what was sold stays or is handed back; a till sale and a handover are one unit or
--   two; a number never comes; what cannot be posted is given up.
-- Takes: commands of exceptions.commands.ResolveException, in arrival order.
-- Lock order: terminals by (terminal, epoch), then as pos.post_receipts.
-- Outcomes: accepted · rejected · mapped · not_found · wrong_state · unknown_sku · gtin_taken ·
--   invalid_value · idempotency_key_reused.
-- Events: pos.posted, pos.rejected, pos.replayed, pos.line_rejected, pos.matched, pos.unmatched, and all
--   that posting brings.
create or replace function exceptions.resolve_exception(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_outcomes jsonb[];
  v_news events.new_event[];
  v_locked text[];
  v_each record;
  v_done record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  v_locked := array(
    select t.terminal
    from jsonb_to_recordset(p_commands) as c (exception_id uuid)
    cross join lateral (
      select k.*
      from pos.exception k
      where k.cell_id = p_cell and k.exception_id = c.exception_id
    ) x
    cross join lateral unnest(exceptions.terminals_of(
      p_cell, mapping.alike(p_cell, x, null)
    )) t (terminal)
  );
  perform pos.lock_terminals(p_cell, v_locked);
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_each in
    select c.command, c.ordinality
    from jsonb_array_elements(p_commands) with ordinality c (command, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_each.ordinality] is null then
      select * into v_done
      from exceptions.settle_exception(p_cell, v_each.command, v_locked, v_now);
      v_outcomes[v_each.ordinality] := v_done.outcome;
      v_news := v_news || v_done.news;
    elsif v_outcomes[v_each.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_each.ordinality] := web.twin_outcome(v_outcomes[v_each.ordinality], v_outcomes);
    end if;
  end loop;
  perform web.remember(p_cell, 'exceptions.resolve_exception', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_news);
  return to_jsonb(v_outcomes);
end;
$$;
