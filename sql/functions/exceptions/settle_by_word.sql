-- Purpose: exceptions that move no goods, whatever is said of them: a void or a copy that is given up,
--   a number that never comes, a line that stays unknown.
create or replace function exceptions.settle_by_word(
  p_cell integer, p_exception pos.exception, p_resolution jsonb, p_now timestamptz,
  out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lines pos.asked_line[];
  v_receipt pos.asked_receipt;
  v_status text;
begin
  if p_exception.kind in ('unmapped', 'fractional_quantity') then
    v_receipt := exceptions.kept_receipt(p_cell, p_exception.receipt_id, null);
    v_lines := array(
      select u from (
        select 1 as command, p_exception.line as line, p_exception.receipt_id as receipt_id
      ) k
      cross join lateral jsonb_populate_record(null::pos.asked_line, to_jsonb(k)) u
    );
    perform mapping.count_known(p_cell, v_lines);
  end if;
  perform exceptions.close(p_cell, p_exception.exception_id, p_resolution, p_now);
  if v_lines is not null then
    news := (exceptions.settle_lines(
      p_cell, array[v_receipt], v_lines, 'pos.line_rejected'
    )).news;
    perform terminals.sync_places(p_cell, array[p_exception.location_id], p_now);
  elsif p_exception.kind = 'gap' then
    news := terminals.tell_states(p_cell, array[p_exception.terminal], p_now);
  elsif p_exception.kind = 'parked' then
    news := array[exceptions.reject_receipt(
      p_cell, p_exception.receipt_id, (p_resolution ->> 'client')::integer, p_now
    )];
  end if;
  select r.status into v_status
  from pos.receipt r
  where r.cell_id = p_cell and r.receipt_id = p_exception.receipt_id;
  outcome := jsonb_build_object(
    'code', case when p_resolution ->> 'action' = 'accept' then 'accepted' else 'rejected' end,
    'receipt_id', p_exception.receipt_id, 'status', v_status
  );
end;
$$;
