-- Purpose: what a receipt is, before its lines are looked at. Pure.
create or replace function pos.first_code(
  p_problem text, p_receipt_id uuid, p_fingerprint text, p_first_id uuid,
  p_first_fingerprint text, p_late boolean, p_kind text
)
returns text
language sql
immutable
parallel safe
as $$
  select case
    when p_problem is not null then p_problem
    when p_first_id = p_receipt_id then 'seen'
    when p_first_id is not null and p_first_fingerprint = p_fingerprint then 'duplicate'
    when p_first_id is not null then 'conflict'
    when p_kind = 'ignored' then 'ignored'
    when p_late then 'held_for_review'
    when p_kind = 'void' then 'void'
    else 'posted'
  end
$$;
