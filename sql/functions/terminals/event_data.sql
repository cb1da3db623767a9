-- Purpose: what the events of a till carry. Pure but for the place's code.
create or replace function terminals.event_data(p_terminal pos.terminal)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'terminal', (p_terminal).terminal, 'epoch', (p_terminal).epoch, 'location', (
      select l.location from locations.location l where l.location_id = (p_terminal).location_id
    )
  )
$$;
