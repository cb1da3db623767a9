-- Purpose: posts one kept receipt, with its own time.
create or replace function exceptions.accept_receipt(
  p_cell integer, p_receipt pos.asked_receipt, p_now timestamptz,
  out status text, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_receipts pos.asked_receipt[] := array[p_receipt];
  v_lines pos.asked_line[] := pos.parse_lines(v_receipts);
  v_posted record;
begin
  select * into v_posted
  from pos.post_asked(p_cell, v_receipts, v_lines, p_now);
  perform exceptions.keep_exceptions(p_cell, v_receipts, v_posted.codes, null, p_now);
  perform terminals.sync_places(
    p_cell, terminals.count_days(p_cell, v_receipts, v_lines, p_now), p_now
  );
  status := v_posted.codes[1];
  news := v_posted.news;
end;
$$;
