-- Purpose: the events of the receipts that a batch posted or held.
create or replace function pos.tell_receipts(
  p_receipts pos.asked_receipt[], p_codes text[], p_problems jsonb[]
)
returns events.new_event[]
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select array_agg((
      r.occurred_at, e.type, 'receipt/' || r.receipt_id, r.version + e.step, r.client_id,
      pos.receipt_data(r, p_codes[r.command], p_problems[r.command])
    )::events.new_event order by r.command, e.step)
    from unnest(p_receipts) r
    cross join lateral (
      select case when r.code = 'posted' then 'pos.posted' else 'pos.review' end as type, 1 as step
      union all
      select 'pos.line_unmapped', 2
      where p_codes[r.command] = 'partly_posted'
    ) e
    where r.code in ('posted', 'held_for_review')
  );
end;
$$;
