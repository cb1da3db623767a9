-- Purpose: decides which of a batch may be extended: {"extend": id} for those that will be, the
--   refusal for the others, what was seen before for the rest (and null where change_outcomes is to
--   say not_found or wrong_state). Two requests for one reservation: the first wins.
create or replace function reservations.extendable(
  p_cell integer, p_commands jsonb, p_seen jsonb[], p_now timestamptz
)
returns jsonb[]
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select array_agg(case
      when p_seen[c.ordinality] is not null then p_seen[c.ordinality]
      when r.reservation_id is null then null
      when r.state = 'expired' or (r.state = 'held' and r.expires_at <= p_now)
        then jsonb_build_object('code', 'reservation_expired')
      when r.state <> 'held' then null
      when r.extended or c.turn > 1 then jsonb_build_object('code', 'already_extended')
      else jsonb_build_object('extend', r.reservation_id)
    end order by c.ordinality)
    from (
      select
        x.*,
        row_number() over (
          partition by x.reservation_id, p_seen[x.ordinality] is null order by x.ordinality
        ) as turn
      from rows from (
        jsonb_to_recordset(p_commands) as (reservation_id uuid, locations text[])
      ) with ordinality x (reservation_id, locations, ordinality)
    ) c
    left join lateral (
      select k.reservation_id, k.state, k.expires_at, k.extended
      from reservations.reservation k
      where k.cell_id = p_cell and k.reservation_id = c.reservation_id
        and reservations.covered(p_cell, k.reservation_id, c.locations)
      limit 1
    ) r on true
  );
end;
$$;
