-- Purpose: posts one kept receipt, with its own time.
create or replace function pos.accept_receipt(
  p_cell integer, p_receipt pos.asked_receipt, p_now timestamptz,
  out status text, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_receipts pos.asked_receipt[] := array[p_receipt];
  v_posted record;
begin
  select * into v_posted
  from pos.post_asked(p_cell, v_receipts, pos.parse_lines(v_receipts), p_now);
  perform pos.keep_exceptions(p_cell, v_receipts, v_posted.codes, null, p_now);
  status := v_posted.codes[1];
  news := v_posted.news;
end;
$$;
