-- Purpose: a till's state now (domain §2.3): stale after 10 and offline after 30 minutes of opening
--   time without a word; else catching up while something is missing that it has announced, or its
--   last Z-count is not what came; reconciled when that is equal; else online.
create or replace function terminals.state_of(p_terminal pos.terminal, p_now timestamptz)
returns text
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_silent double precision := 0;
  v_closing record;
begin
  if p_terminal.last_seen_at is null then
    return 'offline';
  end if;
  if p_now >= p_terminal.last_seen_at + interval '10 minutes' then
    v_silent := round(
      3600 * locations.open_hours(p_terminal.location_id, p_terminal.last_seen_at, p_now)
    );
  end if;
  if v_silent >= 600 then
    return case when v_silent >= 1800 then 'offline' else 'stale' end;
  end if;
  if p_terminal.announced_sequence > coalesce(p_terminal.last_sequence, 0) or exists (
    select 1
    from pos.exception x
    where x.cell_id = p_terminal.cell_id and x.terminal = p_terminal.terminal
      and x.epoch = p_terminal.epoch and x.kind = 'gap' and x.state = 'open'
  ) then
    return 'catching_up';
  end if;
  select * into v_closing from terminals.closing_of(p_terminal);
  return case
    when v_closing.is_last is not true then 'online'
    when v_closing.announced = v_closing.received then 'reconciled'
    else 'catching_up'
  end;
end;
$$;
