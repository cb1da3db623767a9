-- Purpose: what was already decided for the keys of a batch. One element a command, in order:
--   null (new) · the stored outcome with "replayed": true · idempotency_key_reused where the same
--   key came with another request · {"code": "twin", "of": n} for a second use within the batch.
--   The limit keeps it a look-up by key whatever the planner believes of a fresh table.
--   Read after the locks, so that a twin in another process has committed or will fail on the key.
create or replace function web.seen_outcomes(p_cell integer, p_commands jsonb)
returns jsonb[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select array_agg(
      case
        when m.key is not null and m.fingerprint = c.fingerprint
          then m.outcome || '{"replayed": true}'::jsonb
        when m.key is not null then '{"code": "idempotency_key_reused"}'::jsonb
        when c.first_of < c.ordinality
          then jsonb_build_object('code', 'twin', 'of', c.first_of, 'same', c.same)
      end
      order by c.ordinality
    )
    from (
      select
        x.*,
        min(x.ordinality) over (partition by x.client_id, x.key) as first_of,
        first_value(x.fingerprint) over (
          partition by x.client_id, x.key order by x.ordinality
        ) = x.fingerprint as same
      from rows from (
        jsonb_to_recordset(p_commands) as (client_id integer, key text, fingerprint text)
      ) with ordinality x (client_id, key, fingerprint, ordinality)
    ) c
    left join lateral (
      select w.key, w.fingerprint, w.outcome
      from web.command w
      where w.cell_id = p_cell and w.client_id = c.client_id and w.key = c.key
      limit 1
    ) m on true
  );
end;
$$;
