-- Purpose: the sweep that posts lines whose barcode or SKU has become known since they came, however
--   it became known (domain §1.5, §2.3). Two may run at once: what is settled is not settled twice.
-- Takes: commands of exceptions.commands.ReplayMapped: `after` is the code to go on from.
-- Lock order: terminals by (terminal, epoch), then as pos.post_receipts.
-- Outcomes: replayed, with the number of lines and the code to go on from (null: all were looked at).
-- Events: pos.replayed, stock.changed.
create or replace function exceptions.replay_mapped(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_outcomes jsonb[];
  v_each record;
  v_found record;
  v_done record;
  v_news events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  for v_each in
    select c.* from jsonb_to_recordset(p_commands) as c (after text, most integer)
  loop
    select * into v_found from mapping.mapped_lines(p_cell, v_each.after, v_each.most);
    select 0 as line_count into v_done;
    if cardinality(v_found.exception_ids) > 0 then
      perform pos.lock_terminals(
        p_cell, exceptions.terminals_of(p_cell, v_found.exception_ids)
      );
      select * into v_done from exceptions.replay_lines(
        p_cell, v_found.exception_ids, null, '{"action": "mapped"}', v_now
      );
      v_news := v_news || v_done.news;
    end if;
    v_outcomes := v_outcomes || jsonb_build_object(
      'code', 'replayed', 'lines', v_done.line_count, 'after', v_found.last_code
    );
  end loop;
  perform events.write_events(p_cell, v_now, v_news);
  return to_jsonb(v_outcomes);
end;
$$;
