-- Purpose: stores what a batch decided, in the transaction of its effects. Replays, reused keys and
--   refusals that are not to be remembered (403, 429) are left out. A key that another process took in
--   between breaks the batch (unique violation): the lane then asks again, and gets the replay.
create or replace function web.remember(
  p_cell integer, p_kind text, p_commands jsonb, p_outcomes jsonb[], p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into web.command (
    cell_id, client_id, key, fingerprint, kind, request_id, decided_at, outcome
  )
  select
    p_cell, c.client_id, c.key, c.fingerprint, p_kind, c.request_id, p_now,
    p_outcomes[c.ordinality]
  from rows from (
    jsonb_to_recordset(p_commands)
    as (client_id integer, key text, fingerprint text, request_id text)
  ) with ordinality c (client_id, key, fingerprint, request_id, ordinality)
  where not p_outcomes[c.ordinality] ? 'replayed'
    and p_outcomes[c.ordinality] ->> 'code'
      not in ('idempotency_key_reused', 'too_many_open_holds', 'forbidden_location');
end;
$$;
