-- Purpose: a person's word on what was kept: a receipt that review holds is posted with its own time
--   through the same path as any other, or rejected.
-- Takes: commands of pos.commands.ResolveException, in arrival order.
-- Lock order: terminals by (terminal, epoch), then as post_receipts.
-- Outcomes: accepted · rejected · not_found · wrong_state · idempotency_key_reused.
-- Events: pos.posted, pos.rejected, and all that posting brings.
create or replace function pos.resolve_exception(
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
  v_each record;
  v_done record;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform pos.lock_terminals(p_cell, array(
    select t.terminal
    from jsonb_to_recordset(p_commands) as c (exception_id uuid)
    join pos.exception x on x.exception_id = c.exception_id
    cross join lateral pos.named_terminals(x.terminal, x.body) t (terminal)
    where x.cell_id = p_cell
  ));
  v_outcomes := web.seen_outcomes(p_cell, p_commands);
  for v_each in
    select c.*
    from rows from (
      jsonb_to_recordset(p_commands) as (
        client_id integer, exception_id uuid, action text, reason text, locations text[], codes jsonb
      )
    ) with ordinality c (client_id, exception_id, action, reason, locations, codes, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_each.ordinality] is null then
      select * into v_done from pos.settle_exception(
        p_cell, v_each.exception_id, v_each.locations, v_each.action, jsonb_build_object(
          'action', v_each.action, 'reason', v_each.reason, 'client', v_each.client_id
        ), v_each.codes, v_now
      );
      v_outcomes[v_each.ordinality] := v_done.outcome;
      v_news := v_news || v_done.news;
    elsif v_outcomes[v_each.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_each.ordinality] := web.twin_outcome(v_outcomes[v_each.ordinality], v_outcomes);
    end if;
  end loop;
  perform web.remember(p_cell, 'pos.resolve_exception', p_commands, v_outcomes, v_now);
  perform events.write_events(p_cell, v_now, v_news);
  return to_jsonb(v_outcomes);
end;
$$;
