-- Purpose: what a heartbeat says of a till (sent_at given), or its closing (null): that it speaks,
--   which number it gave last, and, where all of those have come, that nothing is unsent. A closing
--   may be of days ago, so it says nothing of what is unsent now.
create or replace function terminals.hear(
  p_cell integer, p_terminal pos.terminal, p_sent_at timestamptz, p_last_sequence bigint,
  p_now timestamptz
)
returns pos.terminal
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_terminal pos.terminal;
begin
  update pos.terminal t
  set
    last_seen_at = p_now, heartbeat_at = case
      when p_sent_at is null then t.heartbeat_at
      else p_now
    end,
    clock_offset_seconds = case
      when p_sent_at is null then t.clock_offset_seconds
      else greatest(-2000000000, least(2000000000, round(extract(epoch from p_now - p_sent_at))))
    end,
    announced_sequence = case
      when p_sent_at is null then greatest(t.announced_sequence, p_last_sequence)
      else p_last_sequence
    end,
    synced_through = case
      when p_sent_at is not null and p_last_sequence <= coalesce(t.last_sequence, 0) then
        greatest(t.synced_through, least(p_sent_at, p_now))
      else t.synced_through
    end,
    behind_since = case
      when p_last_sequence > coalesce(t.last_sequence, 0) then coalesce(t.behind_since, p_now)
      when p_sent_at is not null then null
      else t.behind_since
    end
  where t.cell_id = p_cell and t.terminal = p_terminal.terminal and t.epoch = p_terminal.epoch
  returning t.* into v_terminal;
  return v_terminal;
end;
$$;
