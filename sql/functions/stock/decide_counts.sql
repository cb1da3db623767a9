-- Purpose: decides a batch of one-line counts in arrival order, in memory: each against what the
--   counts before it left. A slot's arrays hold the book, the missing units and the change_count.
-- Returns: p_seen filled up, and which counts stand.
create or replace function stock.decide_counts(
  p_counts stock.asked_count[], p_seen jsonb[], p_book bigint[], p_change bigint[],
  out v_outcomes jsonb[], out v_stands boolean[]
)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_book bigint[] := p_book;
  v_change bigint[] := p_change;
  v_count stock.asked_count;
begin
  v_outcomes := p_seen;
  foreach v_count in array p_counts loop
    if v_outcomes[v_count.command] is not null then
      if v_outcomes[v_count.command] ->> 'code' = 'twin' then
        v_outcomes[v_count.command] := web.twin_outcome(v_outcomes[v_count.command], v_outcomes);
      end if;
    elsif v_count.problem is not null then
      v_outcomes[v_count.command] := jsonb_build_object('code', v_count.problem);
    elsif v_count.if_change <> v_change[v_count.slot] then
      v_outcomes[v_count.command] := '{"code": "precondition_failed"}';
    elsif v_count.expected <> v_book[v_count.slot] then
      v_outcomes[v_count.command] := jsonb_build_object('code', 'expected_quantity_mismatch',
        'actual', v_book[v_count.slot]);
    else
      v_outcomes[v_count.command] := '{"code": "counted"}';
      v_stands[v_count.command] := true;
      v_book[v_count.slot] := v_count.sellable;
      v_change[v_count.slot] := v_change[v_count.slot] + 1;
    end if;
  end loop;
end;
$$;
