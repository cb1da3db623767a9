-- Purpose: forgets what was decided longer ago than retries can come, so that the table stays small.
-- Takes: commands of web.commands.ForgetCommands. Lock order: command rows by age.
-- Outcomes: forgotten (with the number of rows). Events: none.
create or replace function web.forget_commands(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_outcomes jsonb := '[]'::jsonb;
  v_command record;
  v_count integer;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  for v_command in
    select c.keep_days, c.most
    from rows from (
      jsonb_to_recordset(p_commands) as (keep_days integer, most integer)
    ) with ordinality c (keep_days, most, ordinality)
    order by c.ordinality
  loop
    delete from web.command w
    using (
      select o.client_id, o.key
      from web.command o
      where o.cell_id = p_cell and o.decided_at < v_now - v_command.keep_days * interval '1 day'
      order by o.decided_at
      limit v_command.most
    ) x
    where w.cell_id = p_cell and w.client_id = x.client_id and w.key = x.key;
    get diagnostics v_count = row_count;
    v_outcomes := v_outcomes || jsonb_build_object('code', 'forgotten', 'commands', v_count);
  end loop;
  return v_outcomes;
end;
$$;
