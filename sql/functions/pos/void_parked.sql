-- Purpose: the sales of a batch whose void came before them are reversed in the very call that posts
--   them, so that the two net to nothing at every moment; the first parked void is posted with it, any
--   other is a conflict. Goods and claims are added to those of the batch.
create or replace function pos.void_parked(
  p_cell integer, p_receipts pos.asked_receipt[], p_now timestamptz,
  inout goods stock.goods_change[], inout claims stock.claim_change[],
  out news events.new_event[], out targets uuid[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_found record;
  v_void pos.asked_receipt;
  v_status text;
  v_taken record;
begin
  for v_found in
    select
      k.receipt_id, k.client_id, k.terminal, k.epoch, k.sequence, k.version,
      pos.effective_at(k.occurred_at, k.clock_offset_seconds, k.recorded_at) as occurred_at,
      u.receipt_id as target, u.kind as target_kind, l.location, row_number() over (
        partition by u.receipt_id order by k.recorded_at, k.receipt_id
      ) as turn
    from unnest(p_receipts) u
    join pos.receipt k
      on k.cell_id = p_cell and k.void_terminal = u.terminal and k.void_sequence = u.sequence
      and k.status = 'parked'
    join locations.location l on l.location_id = k.location_id
    where u.code in ('posted', 'void')
    order by u.command, k.recorded_at, k.receipt_id
  loop
    v_status := case
      when v_found.turn = 1 and v_found.target_kind not in ('void', 'no_sale') then 'posted'
      else 'conflict'
    end;
    v_void.receipt_id := v_found.receipt_id;
    v_void.client_id := v_found.client_id;
    v_void.terminal := v_found.terminal;
    v_void.epoch := v_found.epoch;
    v_void.sequence := v_found.sequence;
    v_void.location := v_found.location;
    v_void.kind := 'void';
    v_void.occurred_at := v_found.occurred_at;
    perform pos.settle_parked(p_cell, v_found.receipt_id, v_status, p_now);
    news := news || (
      v_void.occurred_at, 'pos.' || v_status, 'receipt/' || v_void.receipt_id, v_found.version + 1,
      v_void.client_id, pos.receipt_data(v_void, v_status, null)
    )::events.new_event;
    if v_status = 'posted' then
      select * into v_taken
      from pos.reverse_receipt(p_cell, v_found.target, v_void, goods, p_now);
      news := news || v_taken.news;
      goods := goods || v_taken.goods;
      claims := claims || v_taken.claims;
      targets := targets || v_found.target;
    end if;
  end loop;
end;
$$;
