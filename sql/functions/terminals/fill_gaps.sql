-- Purpose: numbers that came leave their gaps: a gap shrinks, is split (its first part goes on as the
--   same exception), or is resolved as filled.
create or replace function terminals.fill_gaps(
  p_cell integer, p_terminal pos.terminal, p_got int8multirange, p_now timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  with touched as (
    select
      x.cell_id, x.exception_id, x.recorded_at, lower(p.span) as first, upper(p.span) - 1 as last,
      coalesce(p.ordinality, 1) as part
    from pos.exception x
    cross join lateral (
      select int8multirange(int8range(x.sequence, x.sequence + x.quantity)) as span
    ) m
    left join lateral unnest(m.span - p_got) with ordinality p (span, ordinality) on true
    where x.cell_id = p_cell and x.terminal = p_terminal.terminal and x.epoch = p_terminal.epoch
      and x.kind = 'gap' and x.state = 'open' and m.span && p_got
  ), changed as (
    update pos.exception x
    set
      sequence = coalesce(u.first, x.sequence), quantity = coalesce(u.last - u.first + 1, x.quantity),
      body = case
        when u.first is null then x.body
        else jsonb_build_object('first', u.first, 'last', u.last)
      end,
      state = case when u.first is null then 'resolved' else 'open' end,
      resolved_at = case when u.first is null then p_now end,
      resolution = case when u.first is null then '{"action": "filled"}'::jsonb end
    from touched u
    where x.cell_id = p_cell and x.exception_id = u.exception_id and u.part = 1
  )
  insert into pos.exception (
    cell_id, exception_id, kind, terminal, epoch, sequence, location_id, quantity, fingerprint,
    body, recorded_at
  )
  select
    p_cell, terminals.gap_id(p_terminal, u.first, p_now), 'gap', p_terminal.terminal,
    p_terminal.epoch, u.first, p_terminal.location_id, u.last - u.first + 1, 'gap',
    jsonb_build_object('first', u.first, 'last', u.last), u.recorded_at
  from touched u
  where u.part > 1;
end;
$$;
