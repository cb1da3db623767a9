-- Purpose: the receipts of a batch beside their terminals and what is kept under their natural keys.
--   Without an epoch of its own a receipt belongs to the newest life of its terminal. Its time is the
--   effective one, and so are the bounds of review (domain §1.3).
create or replace function pos.read_receipts(p_cell integer, p_commands jsonb, p_now timestamptz)
returns table (
  command integer, receipt_id uuid, client_id integer, fingerprint text, terminal text,
  epoch integer, sequence bigint, kind text, occurred_at timestamptz, void_terminal text,
  void_sequence bigint, location_id integer, location text, channel text, problem text,
  late boolean, kept_id uuid, kept_fingerprint text, first_status text, problems jsonb,
  version bigint, review_quantity bigint, codes jsonb, body jsonb, clock_offset_seconds integer
)
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
  return query
  select
    c.ordinality::integer, c.receipt_id, c.client_id, c.fingerprint, b.terminal, t.epoch,
    b.sequence, b.kind, e.occurred_at, b.voids ->> 'terminal', (b.voids ->> 'sequence')::bigint,
    t.location_id, t.location, case when t.kind = 'webshop' then 'web' else 'pos' end,
    case
      when t.epoch is null then 'unknown_terminal'
      when not t.location = any(c.locations) then 'forbidden_location'
      when b.voids is not null and exists (
        -- what was sold elsewhere is voided elsewhere
        select 1
        from pos.terminal v
        join locations.location o on o.location_id = v.location_id
        where v.cell_id = p_cell and v.terminal = b.voids ->> 'terminal'
          and not o.location = any(c.locations)
      ) then 'forbidden_location'
    end,
    not c.backfill and (
      e.occurred_at > p_now + c.review_ahead_seconds * interval '1 second'
      or e.occurred_at < p_now - c.review_age_seconds * interval '1 second'
    ),
    r.receipt_id, r.fingerprint, r.status, r.problems, coalesce(r.version, 0),
    case when not c.backfill then c.review_quantity end, c.codes, c.body,
    case when abs(t.clock_offset_seconds) >= 2 then t.clock_offset_seconds end
  from rows from (
    jsonb_to_recordset(p_commands) as (
      receipt_id uuid, client_id integer, fingerprint text, locations text[], backfill boolean,
      review_quantity bigint, review_ahead_seconds integer, review_age_seconds integer,
      codes jsonb, body jsonb
    )
  ) with ordinality c (
    receipt_id, client_id, fingerprint, locations, backfill, review_quantity,
    review_ahead_seconds, review_age_seconds, codes, body, ordinality
  )
  cross join lateral jsonb_to_record(c.body) as b (
    terminal text, epoch integer, sequence bigint, kind text, occurred_at timestamptz, voids jsonb
  )
  left join lateral (
    select e.epoch, e.location_id, e.clock_offset_seconds, l.location, l.kind
    from pos.terminal e
    join locations.location l on l.location_id = e.location_id
    where e.cell_id = p_cell and e.terminal = b.terminal and e.epoch = coalesce(b.epoch, e.epoch)
    order by e.epoch desc
    limit 1
  ) t on true
  cross join lateral (
    select pos.effective_at(b.occurred_at, t.clock_offset_seconds, p_now) as occurred_at
  ) e
  left join lateral (
    select k.receipt_id, k.fingerprint, k.status, k.problems, k.version
    from pos.receipt k
    where k.cell_id = p_cell and k.terminal = b.terminal and k.epoch = t.epoch
      and k.sequence = b.sequence
    limit 1
  ) r on true;
end;
$$;
