-- Purpose: the voids of a batch, in order of arrival. A void whose sale has not come (or is not
--   posted yet) is parked; one that names a void, or what is voided already, is a conflict. Goods and
--   claims are added to those of the batch, to be posted with them.
create or replace function pos.void_receipts(
  p_cell integer, p_receipts pos.asked_receipt[], p_now timestamptz,
  inout codes text[], inout goods stock.goods_change[], inout claims stock.claim_change[],
  out news events.new_event[], out targets uuid[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_void pos.asked_receipt;
  v_target record;
  v_code text;
  v_taken record;
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
    perform pos.write_void(p_cell, v_void, v_code, p_now);
    news := news || (
      v_void.occurred_at, 'pos.' || v_code, 'receipt/' || v_void.receipt_id, v_void.version + 1,
      v_void.client_id, pos.receipt_data(v_void, v_code, null)
    )::events.new_event;
    if v_code = 'posted' then
      select * into v_taken
      from pos.reverse_receipt(p_cell, v_target.receipt_id, v_void, goods, p_now);
      news := news || v_taken.news;
      goods := goods || v_taken.goods;
      claims := claims || v_taken.claims;
      targets := targets || v_target.receipt_id;
      if exists (
        select 1 from unnest(p_receipts) u
        where u.receipt_id = v_target.receipt_id and u.code = 'posted' and u.command > v_void.command
      ) then
        v_code := 'parked_first';
      end if;
    end if;
    codes[v_void.command] := v_code;
    -- what waited in this very batch for this void names a void (void_parked settles it)
    codes := array(
      select case
        when void_receipts.codes[u.command] = 'parked' and u.void_terminal = v_void.terminal
          and u.void_sequence = v_void.sequence then 'conflict'
        else void_receipts.codes[u.command]
      end
      from unnest(p_receipts) u order by u.command
    );
  end loop;
end;
$$;
