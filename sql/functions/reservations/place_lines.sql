-- Purpose: gives the lines of resize commands the place of their reservation, so that they can be
--   parsed like those of new holds. A reservation over several places has none.
create or replace function reservations.place_lines(p_cell integer, p_commands jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select jsonb_agg(jsonb_build_object(
      'client_id', c.client_id,
      'lines', (
        select jsonb_agg(x.line || jsonb_build_object('location', p.location) order by x.ordinality)
        from jsonb_array_elements(c.lines) with ordinality x (line, ordinality)
      )
    ) order by c.ordinality)
    from rows from (
      jsonb_to_recordset(p_commands) as (reservation_id uuid, client_id integer, lines jsonb)
    ) with ordinality c (reservation_id, client_id, lines, ordinality)
    left join lateral (
      select min(l.location) as location
      from stock.claim k
      join locations.location l on l.location_id = k.location_id
      where k.cell_id = p_cell and k.holder_id = c.reservation_id
      having count(distinct k.location_id) = 1
    ) p on true
  );
end;
$$;
