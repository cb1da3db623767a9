-- Purpose: what a batch of changes led to, in order: what was decided before, or the reservation as
--   it stands after them, with p_code where its state is one of p_states, else wrong_state.
create or replace function reservations.change_outcomes(
  p_cell integer, p_commands jsonb, p_seen jsonb[], p_states text[], p_code text,
  p_now timestamptz
)
returns jsonb[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_outcomes jsonb[] := p_seen;
  v_ask record;
  v_told jsonb;
begin
  for v_ask in
    select c.reservation_id, c.locations, c.ordinality
    from rows from (
      jsonb_to_recordset(p_commands) as (reservation_id uuid, locations text[])
    ) with ordinality c (reservation_id, locations, ordinality)
    order by c.ordinality
  loop
    if v_outcomes[v_ask.ordinality] ->> 'code' = 'twin' then
      v_outcomes[v_ask.ordinality] :=
        web.twin_outcome(v_outcomes[v_ask.ordinality], v_outcomes);
    end if;
    continue when v_outcomes[v_ask.ordinality] is not null;
    v_told := reservations.tell_reservation(p_cell, v_ask.reservation_id, p_now);
    v_outcomes[v_ask.ordinality] := case
      when v_told is null
        or not reservations.covered(p_cell, v_ask.reservation_id, v_ask.locations)
        then '{"code": "not_found"}'::jsonb
      when v_told ->> 'state' = any (p_states)
        then jsonb_build_object('code', p_code, 'reservation', v_told)
      else jsonb_build_object('code', 'wrong_state', 'reservation', v_told)
    end;
  end loop;
  return v_outcomes;
end;
$$;
