-- Purpose: the voids of a batch, in order of arrival. A void whose sale has not come (or is not
--   posted yet) is parked; one that names a void, or what is voided already, is a conflict.
create or replace function pos.void_receipts(
  p_cell integer, p_receipts pos.asked_receipt[], inout p_codes text[], p_now timestamptz,
  out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_void pos.asked_receipt;
  v_target record;
  v_code text;
begin
  for v_void in select * from unnest(p_receipts) u where u.code = 'void' order by u.command loop
    select * into v_target
    from pos.find_receipt(p_cell, v_void.void_terminal, v_void.void_sequence);
    v_code := case
      when v_target.receipt_id is null or v_target.status = 'held_for_review' then 'parked'
      when v_target.kind in ('void', 'no_sale') then 'conflict'
      when v_target.status in ('posted', 'partly_posted') then 'posted'
      else 'conflict'
    end;
    insert into pos.receipt (
      cell_id, receipt_id, terminal, epoch, sequence, location_id, kind, status, occurred_at,
      recorded_at, fingerprint, client_id, void_terminal, void_sequence, body
    ) values (
      p_cell, v_void.receipt_id, v_void.terminal, v_void.epoch, v_void.sequence,
      v_void.location_id, 'void', v_code, v_void.occurred_at, p_now, v_void.fingerprint,
      v_void.client_id, v_void.void_terminal, v_void.void_sequence, v_void.body
    )
    on conflict on constraint receipt_pkey do update
    set status = excluded.status, version = v_void.version + 1;
    news := news || (
      v_void.occurred_at, 'pos.' || v_code, 'receipt/' || v_void.receipt_id, v_void.version + 1,
      v_void.client_id, pos.receipt_data(v_void, v_code, null)
    )::events.new_event;
    if v_code = 'posted' then
      news := news || pos.reverse_receipt(p_cell, v_target.receipt_id, v_void, p_now);
      if exists (
        select 1 from unnest(p_receipts) u
        where u.receipt_id = v_target.receipt_id and u.code = 'posted' and u.command > v_void.command
      ) then
        v_code := 'parked_first';
      end if;
    end if;
    p_codes[v_void.command] := v_code;
  end loop;
end;
$$;
