-- Purpose: the postings of a receipt, all at the receiver. Goods: out of transit; back from the loss
--   that was posted there, which each names; and out of nowhere (domain §2.4). Claims: an order's
--   that waits there is staged, one that rode on the line is made there, staged.
create or replace function transfers.arrived_goods(
  p_cell integer, p_transfer_id uuid, p_arrivals transfers.arrival[], p_occurred_at timestamptz,
  p_reason text, p_client_id integer, out goods stock.goods_change[],
  out claims stock.claim_change[]
)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  select array_agg((t.to_location_id, a.sku_id, p.account, a.to_account, p.units, p.kind,
    p_occurred_at, p_transfer_id, 'transfer', p_reason, t.reference, p_client_id, case
      when p.kind = 'transfer_found' then (
        select e.ledger_sequence
        from stock.ledger_entry e
        where e.cell_id = p_cell and e.document_id = p_transfer_id
          and e.location_id = t.to_location_id and e.sku_id = a.sku_id
          and e.kind = 'transfer_loss'
        limit 1
      )
    end)::stock.goods_change order by a.line)
  into goods
  from unnest(p_arrivals) a
  join transfers.transfer t on t.cell_id = p_cell and t.transfer_id = p_transfer_id
  cross join lateral (
    values
      ('in_transit', a.transit, 'transfer_receipt'), ('shrink', a.found, 'transfer_found'),
      ('shrink', a.extra, 'transfer_gain')
  ) p (account, units, kind)
  where p.units > 0;

  select array_agg((t.to_location_id, a.sku_id, a.for_order, p.kind, p.reserved, p.unpicked,
    null, p_client_id)::stock.claim_change order by a.line, p.kind)
  into claims
  from unnest(p_arrivals) a
  join transfers.transfer t on t.cell_id = p_cell and t.transfer_id = p_transfer_id
  cross join lateral (
    values ('stage', 0::bigint, -a.staged), ('claim', a.ridden, 0::bigint)
  ) p (kind, reserved, unpicked)
  where a.for_order is not null and (p.reserved <> 0 or p.unpicked <> 0);
end;
$$;
