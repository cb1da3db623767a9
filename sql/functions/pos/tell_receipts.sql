-- Purpose: the events of the receipts that a batch posted, held or ignored.
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
      select case r.code
        when 'posted' then 'pos.posted'
        when 'ignored' then 'pos.ignored'
        else 'pos.review'
      end as type, 1 as step
      union all
      select case
        when p_problems[r.command] @? '$[*] ? (@.code == "unmapped")' then 'pos.line_unmapped'
        else 'pos.line_fractional'
      end, 2
      where p_codes[r.command] = 'partly_posted'
    ) e
    where r.code in ('posted', 'held_for_review', 'ignored')
  );
end;
$$;
