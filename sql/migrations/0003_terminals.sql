-- Tills: a schema of their functions, clocks that are wrong, and numbers that are announced.
create schema terminals;

alter table pos.terminal add column behind_since timestamptz;
create index terminal_by_place on pos.terminal (cell_id, location_id);

alter table pos.receipt add column clock_offset_seconds integer;
alter type pos.asked_receipt add attribute clock_offset_seconds integer;

create index exception_accepted_gap on pos.exception (cell_id, terminal, epoch, sequence)
where kind = 'gap' and resolution ->> 'action' = 'accept';

-- they stand in the new schema now
drop function if exists pos.see_terminals(integer, pos.asked_receipt[], timestamptz);
drop function if exists pos.put_terminal(integer, jsonb, timestamptz);
drop function if exists pos.write_terminal(integer, text, integer, text, text, bigint, timestamptz);

-- what was missing before gaps were kept is missing still
insert into pos.exception (
  cell_id, exception_id, kind, terminal, epoch, sequence, location_id, quantity, fingerprint, body,
  recorded_at
)
select
  t.cell_id, (
    left(gen_random_uuid()::text, 14) || '7' || substr(gen_random_uuid()::text, 16, 17)
    || lpad(to_hex(t.cell_id), 4, '0')
  )::uuid,
  'gap', t.terminal, t.epoch, g.before + 1, t.location_id, g.sequence - g.before - 1, 'gap',
  jsonb_build_object('first', g.before + 1, 'last', g.sequence - 1), now()
from pos.terminal t
cross join lateral (
  select
    r.sequence,
    lag(r.sequence, 1, t.first_sequence - 1) over (order by r.sequence) as before
  from pos.receipt r
  where r.cell_id = t.cell_id and r.terminal = t.terminal and r.epoch = t.epoch
    and r.sequence >= t.first_sequence
) g
where g.sequence > g.before + 1;
