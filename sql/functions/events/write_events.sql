-- Purpose: gives events their positions and writes them. The last step of every command function:
--   the cell's state row is locked from here to the commit, so positions are gapless and in commit
--   order, and a reader that pages by them never skips a late commit.
-- Lock order: after stock levels, always last.
create or replace function events.write_events(
  p_cell integer, p_now timestamptz, p_events events.new_event[]
)
returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_last bigint;
  v_count integer := coalesce(cardinality(p_events), 0);
begin
  if v_count = 0 then
    return null;
  end if;
  update events.cell_state c
  set sequence = c.sequence + v_count
  where c.cell_id = p_cell
  returning c.sequence into v_last;
  if not found then
    raise exception 'cell % has no state row', p_cell;
  end if;
  insert into events.event (
    cell_id, sequence, recorded_at, occurred_at, type, subject, subject_sequence, client_id, data
  )
  select
    p_cell, v_last - v_count + e.ordinality, p_now, coalesce(e.occurred_at, p_now), e.type,
    e.subject, e.subject_sequence, e.client_id, e.data
  from unnest(p_events) with ordinality e;
  return v_last;
end;
$$;
