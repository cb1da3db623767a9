-- Purpose: what each command of post_receipts is told. A command that was decided before (the lane
--   asked again) is told the same again: voided since, it was posted then.
create or replace function pos.receipt_outcomes(
  p_receipts pos.asked_receipt[], p_codes text[], p_problems jsonb[]
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select jsonb_agg(jsonb_build_object(
      'code', case
        when p_codes[r.command] = 'parked_first' then 'parked'
        when p_codes[r.command] <> 'seen' then p_codes[r.command]
        when r.first_status = 'rejected' then 'held_for_review'
        when r.first_status <> 'voided' then r.first_status
        when r.problems @? '$[*] ? (@.code == "unmapped" || @.code == "fractional_quantity")'
          then 'partly_posted'
        else 'posted'
      end,
      'receipt_id', case
        when not p_codes[r.command] in ('unknown_terminal', 'forbidden_location') then r.receipt_id
      end,
      'first_status', case when r.code = 'duplicate' then r.first_status end,
      'problems', case
        when r.code = 'conflict' then '[]'
        else coalesce(p_problems[r.command], r.problems, '[]')
      end
    ) order by r.command)
    from unnest(p_receipts) r
  );
end;
$$;
