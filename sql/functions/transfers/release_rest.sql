-- Purpose: gives free at the sender what is still claimed for a transfer; the caller posts the
--   changes that it hands back.
create or replace function transfers.release_rest(
  p_cell integer, p_transfer_id uuid, p_client_id integer
)
returns stock.claim_change[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_claims stock.claim_change[];
begin
  select array_agg((t.from_location_id, n.sku_id, p_transfer_id, 'release', -n.open, -n.open, null,
    p_client_id)::stock.claim_change order by n.sku_id)
  into v_claims
  from transfers.transfer t
  join transfers.transfer_line n on n.cell_id = p_cell and n.transfer_id = t.transfer_id
  where t.cell_id = p_cell and t.transfer_id = p_transfer_id and n.open > 0;

  update transfers.transfer_line n
  set open = 0
  where n.cell_id = p_cell and n.transfer_id = p_transfer_id and n.open > 0;
  perform transfers.change_claims(p_cell, 'transfer', v_claims);
  return v_claims;
end;
$$;
