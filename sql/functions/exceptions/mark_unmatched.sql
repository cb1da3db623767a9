-- Purpose: handovers that have waited 60 minutes without any sale line that they could be are told to a
--   person (domain §2.8). A receipt that comes later still is matched.
-- Takes: commands of exceptions.commands.MarkUnmatched: so many at most.
-- Lock order: the handovers, in the order of their goods. Two may run: what is locked is left alone.
-- Outcomes: marked. Events: none.
create or replace function exceptions.mark_unmatched(
  p_cell integer, p_commands jsonb, p_now timestamptz default null
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_handover pos.handover;
  v_marked integer := 0;
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  for v_handover in
    select h.*
    from pos.handover h
    where h.cell_id = p_cell and h.state = 'waiting'
      and h.handed_over_at < v_now - interval '60 minutes'
    order by h.handed_over_at, h.handover_id
    limit (select max(c.most) from jsonb_to_recordset(p_commands) as c (most integer))
    for update of h skip locked
  loop
    v_handover.state := 'unmatched';
    perform matching.write_state(p_cell, v_handover, v_now);
    v_marked := v_marked + 1;
  end loop;
  return (
    select jsonb_agg(jsonb_build_object('code', 'marked', 'handovers',
      case when c.ordinality = 1 then v_marked else 0 end))
    from jsonb_array_elements(p_commands) with ordinality c
  );
end;
$$;
