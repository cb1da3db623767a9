-- Purpose: a key for a named client, which is made when it is new.
-- Takes: commands of access.commands.CreateKey. Lock order: client by name.
-- Outcomes: created. Events: none.
create or replace function access.create_key(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  insert into access.client (name, created_at)
  select distinct c.name, v_now
  from jsonb_to_recordset(p_commands) as c (name text)
  order by c.name
  on conflict on constraint client_name_is_unique do nothing;

  insert into access.key (
    key_id, client_id, secret_hash, scopes, locations, created_at, expires_at
  )
  select
    c.key_id, l.client_id, decode(c.secret_hash, 'hex'), c.scopes, c.locations, v_now, c.expires_at
  from jsonb_to_recordset(p_commands) as c (
    name text, key_id text, secret_hash text, scopes text[], locations text[],
    expires_at timestamptz
  )
  join access.client l on l.name = c.name
  on conflict on constraint key_pkey do nothing;

  return (
    select jsonb_agg('{"code": "created"}'::jsonb) from jsonb_array_elements(p_commands)
  );
end;
$$;
