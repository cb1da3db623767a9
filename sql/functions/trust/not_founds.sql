-- Purpose: how often an item was not found where the book said it was, in the last 30 days (domain §1.6).
create or replace function trust.not_founds(p_not_found_at timestamptz[], p_now timestamptz)
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select count(*)
    from unnest(p_not_found_at) u (at)
    where u.at > p_now - interval '30 days'
  );
end;
$$;
