-- What was decided is remembered by a code, and a refusal that may pass is not remembered (I15).
select c.cell_id, c.client_id, c.key, c.kind, c.outcome
from web.command c
where coalesce(c.outcome ->> 'code', '') = ''
  or c.outcome ? 'replayed'
  or c.outcome ->> 'code' in ('twin', 'idempotency_key_reused', 'too_many_open_holds')
