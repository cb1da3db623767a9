-- Purpose: an exception is resolved.
create or replace function exceptions.close(
  p_cell integer, p_exception_id uuid, p_resolution jsonb, p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pos.exception x
  set state = 'resolved', resolved_at = p_now, resolution = p_resolution
  where x.cell_id = p_cell and x.exception_id = p_exception_id;
end;
$$;
