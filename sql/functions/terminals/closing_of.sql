-- Purpose: the newest Z-count of a till's life (until a day) beside what came: since the closing before it by
--   number, or, where it is the first, of that day in the place's zone. `is_last`: nothing of a
--   later day has come. All null where the till was never closed.
create or replace function terminals.closing_of(
  p_terminal pos.terminal, p_until date default null,
  out business_date date, out announced bigint, out received bigint, out is_last boolean
)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_last bigint;
  v_before bigint;
begin
  select c.business_date, c.receipts, c.last_sequence into business_date, announced, v_last
  from pos.closing c
  where c.cell_id = p_terminal.cell_id and c.terminal = p_terminal.terminal
    and c.epoch = p_terminal.epoch and (p_until is null or c.business_date <= p_until)
  order by c.business_date desc
  limit 1;
  if not found then
    return;
  end if;
  is_last := not exists (
    select 1
    from pos.terminal_day d
    where d.cell_id = p_terminal.cell_id and d.terminal = p_terminal.terminal
      and d.epoch = p_terminal.epoch and d.business_date > closing_of.business_date
  );
  select c.last_sequence into v_before
  from pos.closing c
  where c.cell_id = p_terminal.cell_id and c.terminal = p_terminal.terminal
    and c.epoch = p_terminal.epoch and c.business_date < closing_of.business_date
  order by c.business_date desc
  limit 1;
  if v_before <= v_last then
    select count(*) into received
    from pos.receipt r
    where r.cell_id = p_terminal.cell_id and r.terminal = p_terminal.terminal
      and r.epoch = p_terminal.epoch and r.sequence > v_before and r.sequence <= v_last;
    return;
  end if;
  received := coalesce((
    select d.receipts
    from pos.terminal_day d
    where d.cell_id = p_terminal.cell_id and d.terminal = p_terminal.terminal
      and d.epoch = p_terminal.epoch and d.business_date = closing_of.business_date
  ), 0);
end;
$$;
