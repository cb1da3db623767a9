-- Purpose: decides a batch of movements in arrival order against running balances, in memory. An
--   entry is decided by itself: one that is refused never takes its neighbours along.
-- Returns: one result an entry, in order: posted · duplicate (of movement) · refused (with code and,
--   for not_enough_there, the account and what it holds). Null where the command was decided before.
create or replace function stock.decide_movements(
  p_entries stock.asked_movement[], p_left bigint[], p_known uuid[], p_seen jsonb[]
)
returns jsonb[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_left bigint[] := p_left;
  v_known uuid[] := p_known;
  v_results jsonb[];
  v_entry stock.asked_movement;
  v_result jsonb;
  v_from integer;
  v_to integer;
begin
  foreach v_entry in array coalesce(p_entries, '{}') loop
    v_from := v_entry.slot * 4 - 4 + v_entry.from_slot;
    v_to := v_entry.slot * 4 - 4 + v_entry.to_slot;
    if p_seen[v_entry.command] is not null then
      v_result := null;
    elsif v_entry.problem is not null then
      v_result := jsonb_build_object('status', 'refused', 'code', v_entry.problem,
        'detail', v_entry.detail);
    elsif v_entry.source_key is not null and v_known[v_entry.key_slot] is not null then
      v_result := jsonb_build_object('status', 'duplicate', 'movement', v_known[v_entry.key_slot]);
    elsif v_from is not null and v_left[v_from] < v_entry.quantity then
      v_result := jsonb_build_object('status', 'refused', 'code', 'not_enough_there',
        'account', v_entry.from_account, 'there', v_left[v_from]);
    else
      v_result := jsonb_build_object('status', 'posted', 'movement', v_entry.movement);
      if v_from is not null then
        v_left[v_from] := v_left[v_from] - v_entry.quantity;
      end if;
      if v_to is not null then
        v_left[v_to] := v_left[v_to] + v_entry.quantity;
      end if;
      if v_entry.source_key is not null then
        v_known[v_entry.key_slot] := v_entry.movement;
      end if;
    end if;
    v_results[coalesce(cardinality(v_results), 0) + 1] := v_result;
  end loop;
  return v_results;
end;
$$;
