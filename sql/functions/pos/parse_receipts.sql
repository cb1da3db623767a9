-- Purpose: first step of post_receipts: each receipt with its terminal and what its natural key
--   already stands for. Read after lock_terminals, so that no other process can post it meanwhile.
-- Returns: one element a command, in order; its code is one of posted (to be), void (to be),
--   ignored (it sold nothing, as its body says), held_for_review, seen (this very command was
--   decided before), duplicate, conflict, unknown_terminal, forbidden_location.
create or replace function pos.parse_receipts(
  p_cell integer, p_commands jsonb, p_now timestamptz
)
returns pos.asked_receipt[]
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
    select array_agg((
      w.command, coalesce(w.first_id, w.receipt_id), w.client_id, w.terminal, w.epoch, w.sequence,
      w.location_id, w.location, w.channel, w.kind, w.occurred_at, w.fingerprint, w.void_terminal,
      w.void_sequence, pos.first_code(
        w.problem, w.receipt_id, w.fingerprint, w.first_id, w.first_fingerprint, w.late,
        case when w.body ? 'ignored' then 'ignored' else w.kind end
      ),
      w.first_status, w.problems, w.version, w.review_quantity, w.codes, w.body,
      w.clock_offset_seconds
    )::pos.asked_receipt order by w.command)
    from (
      select
        k.*,
        coalesce(k.kept_id, case
          when k.problem is null and k.first_of < k.command then k.first_asked
        end) as first_id,
        coalesce(k.kept_fingerprint, k.fingerprint_of_first) as first_fingerprint
      from (
        select
          a.*,
          min(a.command) over natural_key as first_of,
          first_value(a.receipt_id) over natural_key as first_asked,
          first_value(a.fingerprint) over natural_key as fingerprint_of_first
        from pos.read_receipts(p_cell, p_commands, p_now) a
        window natural_key as (
          partition by a.terminal, a.epoch, a.sequence, a.problem order by a.command
        )
      ) k
    ) w
  );
end;
$$;
