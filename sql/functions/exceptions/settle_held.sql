-- Purpose: a person's word on a receipt that review holds: posted with its own time, or rejected.
create or replace function exceptions.settle_held(
  p_cell integer, p_exception pos.exception, p_codes jsonb, p_resolution jsonb, p_now timestamptz,
  out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_accept boolean := p_resolution ->> 'action' = 'accept';
  v_status text := 'rejected';
begin
  perform exceptions.close(p_cell, p_exception.exception_id, p_resolution, p_now);
  if v_accept then
    select a.status, a.news into v_status, news
    from exceptions.accept_receipt(
      p_cell, exceptions.kept_receipt(p_cell, p_exception.receipt_id, p_codes), p_now
    ) a;
  else
    news := array[exceptions.reject_receipt(
      p_cell, p_exception.receipt_id, (p_resolution ->> 'client')::integer, p_now
    )];
  end if;
  outcome := jsonb_build_object(
    'code', case when v_accept then 'accepted' else 'rejected' end,
    'receipt_id', p_exception.receipt_id, 'status', v_status
  );
end;
$$;
