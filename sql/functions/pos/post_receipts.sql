-- Purpose: takes what tills say, each receipt once under its natural key (terminal, epoch,
--   sequence). A till's sale is a fact: it is posted whatever the book says, and what cannot be
--   posted is kept with its reason (domain §2.3, I4, I8-I10).
-- Takes: commands of pos.commands.PostReceipt, in arrival order.
-- Lock order: terminals by (terminal, epoch), stock levels by (location, sku), sale lines by
--   (document, line), places (place_sync), then the cell's state.
-- Outcomes: posted · partly_posted · duplicate · conflict · parked · held_for_review · ignored ·
--   unknown_terminal · forbidden_location.
-- Events: pos.posted, pos.line_unmapped, pos.line_fractional, pos.ignored, pos.review, pos.voided,
--   pos.parked, pos.conflict, stock.changed, terminal.gap, terminal.reconciled.
create or replace function pos.post_receipts(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_receipts pos.asked_receipt[];
  v_lines pos.asked_line[];
  v_posted record;
  v_news events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform pos.lock_terminals(p_cell, array(
    select distinct t.terminal
    from jsonb_to_recordset(p_commands) as c (terminals text[])
    cross join unnest(c.terminals) t (terminal)
  ));
  v_receipts := pos.parse_receipts(p_cell, p_commands, v_now);
  v_lines := pos.parse_lines(v_receipts);
  if exists (select 1 from unnest(v_lines) u where u.large) then
    select h.p_receipts, h.p_lines into v_receipts, v_lines
    from pos.hold_large(v_receipts, v_lines) h;
  end if;

  select * into v_posted from pos.post_asked(p_cell, v_receipts, v_lines, v_now);
  v_news := v_posted.news;
  if v_posted.codes && array[
    'unknown_terminal', 'conflict', 'held_for_review', 'parked'
  ] then
    v_news := v_news || pos.tell_conflicts(p_cell, v_receipts, exceptions.keep_exceptions(
      p_cell, v_receipts, v_posted.codes, null, v_now
    ));
  end if;
  v_news := v_news || terminals.see_receipts(p_cell, v_receipts, v_lines, v_now);
  perform events.write_events(p_cell, v_now, v_news);
  return pos.receipt_outcomes(v_receipts, v_posted.codes, v_posted.problems);
end;
$$;
