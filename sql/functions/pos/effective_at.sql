-- Purpose: when something happened that a till says happened at p_said: by its clock put right by
--   the measured offset, if that is 2 s or more and no more than 10 minutes; never later than it was
--   recorded, unless the till itself says so (domain §1.3). Pure, inlined.
create or replace function pos.effective_at(
  p_said timestamptz, p_offset_seconds integer, p_recorded_at timestamptz
)
returns timestamptz
language sql
immutable
parallel safe
as $$
  select case
    when abs(p_offset_seconds) between 2 and 600 then least(
      p_said + p_offset_seconds * interval '1 second', greatest(p_recorded_at, p_said)
    )
    else p_said
  end
$$;
