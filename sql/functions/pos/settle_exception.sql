-- Purpose: one command of resolve_exception.
create or replace function pos.settle_exception(
  p_cell integer, p_exception_id uuid, p_locations text[], p_action text, p_resolution jsonb,
  p_codes jsonb, p_now timestamptz, out outcome jsonb, out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_exception pos.exception;
  v_receipt pos.asked_receipt;
  v_status text;
begin
  select x.* into v_exception
  from pos.exception x
  left join locations.location l on l.location_id = x.location_id
  where x.cell_id = p_cell and x.exception_id = p_exception_id
    and (p_locations is null or l.location = any(p_locations));
  if v_exception.exception_id is null then
    outcome := '{"code": "not_found"}';
    return;
  end if;
  if v_exception.state <> 'open' or v_exception.kind <> 'held_for_review'
      or p_action not in ('accept', 'reject') then
    outcome := jsonb_build_object('code', 'wrong_state', 'detail', case
      when v_exception.state <> 'open' then 'It is resolved already.'
      else 'accept and reject settle held_for_review; this is ' || v_exception.kind || '.'
    end);
    return;
  end if;
  update pos.exception x
  set state = 'resolved', resolved_at = p_now, resolution = p_resolution
  where x.cell_id = p_cell and x.exception_id = p_exception_id;

  v_receipt := pos.kept_receipt(p_cell, v_exception.receipt_id, p_codes);
  if p_action = 'accept' then
    select a.status, a.news into v_status, news from pos.accept_receipt(p_cell, v_receipt, p_now) a;
  else
    v_status := 'rejected';
    update pos.receipt r
    set status = 'rejected', version = r.version + 1
    where r.cell_id = p_cell and r.receipt_id = v_receipt.receipt_id;
    news := array[(
      p_now, 'pos.rejected', 'receipt/' || v_receipt.receipt_id, v_receipt.version + 1,
      (p_resolution ->> 'client')::integer, pos.receipt_data(v_receipt, 'rejected', null)
    )::events.new_event];
  end if;
  outcome := jsonb_build_object(
    'code', case when p_action = 'accept' then 'accepted' else 'rejected' end,
    'receipt_id', v_receipt.receipt_id, 'status', v_status
  );
end;
$$;
