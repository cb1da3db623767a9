-- Purpose: whether a token's list of locations (null: all) lets it act for one side of a transfer
--   (null: for either). Returns null where it does, else not_found (it sees neither end) or
--   forbidden_location (it sees the other end only).
create or replace function transfers.standing(
  p_cell integer, p_transfer_id uuid, p_locations text[], p_side text
)
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_sender boolean;
  v_receiver boolean;
begin
  select
    p_locations is null or f.location = any (p_locations),
    p_locations is null or o.location = any (p_locations)
  into v_sender, v_receiver
  from transfers.transfer t
  join locations.location f on f.location_id = t.from_location_id
  join locations.location o on o.location_id = t.to_location_id
  where t.cell_id = p_cell and t.transfer_id = p_transfer_id;
  return case
    when not found or not (v_sender or v_receiver) then 'not_found'
    when (p_side = 'sender' and not v_sender) or (p_side = 'receiver' and not v_receiver)
      then 'forbidden_location'
  end;
end;
$$;
