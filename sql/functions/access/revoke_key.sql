-- Purpose: stops a key (by its id) or all keys of a client (by its name).
-- Takes: commands of access.commands.RevokeKey. Lock order: keys by id.
-- Outcomes: revoked · not_found. Events: none.
create or replace function access.revoke_key(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_outcomes jsonb;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  perform 1
  from access.key k
  join access.client l on l.client_id = k.client_id
  join jsonb_to_recordset(p_commands) as c (which text) on c.which in (k.key_id, l.name)
  order by k.key_id
  for update of k;

  select jsonb_agg(jsonb_build_object(
    'code', case when w.keys > 0 then 'revoked' else 'not_found' end, 'keys', w.keys
  ) order by w.ordinality)
  into v_outcomes
  from (
    select x.ordinality, (
      select count(*)
      from access.key k
      join access.client l on l.client_id = k.client_id
      where x.which in (k.key_id, l.name) and k.revoked_at is null
    ) as keys
    from rows from (
      jsonb_to_recordset(p_commands) as (which text)
    ) with ordinality x (which, ordinality)
  ) w;

  update access.key k
  set revoked_at = v_now
  from access.client l
  where l.client_id = k.client_id and k.revoked_at is null and exists (
    select 1
    from jsonb_to_recordset(p_commands) as c (which text)
    where c.which in (k.key_id, l.name)
  );
  return v_outcomes;
end;
$$;
