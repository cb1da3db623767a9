-- Purpose: what a batch of receipts says of its tills: how far each has come, that it was heard of,
--   and what is missing. Of a till that goes on where it stopped nothing more is read or written.
-- Lock order: the tills are locked; then places (place_sync).
-- Returns: events to be written: terminal.gap, and those of tell_states.
create or replace function terminals.see_receipts(
  p_cell integer, p_receipts pos.asked_receipt[], p_lines pos.asked_line[], p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_odd jsonb;
  v_unmapped integer[] := terminals.count_days(p_cell, p_receipts, p_lines, p_now);
begin
  with heard as (
    update pos.terminal t
    set
      first_sequence = coalesce(t.first_sequence, w.lowest),
      last_sequence = greatest(t.last_sequence, w.highest), last_seen_at = p_now,
      lag_seconds = case
        when w.highest > coalesce(t.last_sequence, 0) then greatest(0, least(
          2000000000, extract(epoch from p_now - w.newest_at)
        ))::integer
        else t.lag_seconds
      end,
      synced_through = greatest(t.synced_through, least(p_now, greatest(
        case when w.highest > coalesce(t.last_sequence, 0) then w.newest_at end,
        case when t.announced_sequence <= greatest(t.last_sequence, w.highest) then
          t.heartbeat_at - t.clock_offset_seconds * interval '1 second'
        end
      ))),
      behind_since = case
        when t.announced_sequence <= greatest(t.last_sequence, w.highest) then null
        when w.highest > coalesce(t.last_sequence, 0) then p_now
        else t.behind_since
      end
    from (
      select
        p_cell as cell_id, r.terminal, r.epoch, min(r.sequence) filter (where n.is_new) as lowest,
        max(r.sequence) filter (where n.is_new) as highest,
        count(*) filter (where n.is_new) as numbers,
        (array_agg(r.occurred_at order by r.sequence desc) filter (where n.is_new))[1] as newest_at
      from unnest(p_receipts) r
      cross join lateral (
        select not r.code = any('{seen,duplicate,conflict}'::text[]) as is_new
      ) n
      where r.code not in ('unknown_terminal', 'forbidden_location')
      group by r.terminal, r.epoch
    ) w
    join pos.terminal o
      on o.cell_id = w.cell_id and o.terminal = w.terminal and o.epoch = w.epoch
    where t.cell_id = w.cell_id and t.terminal = w.terminal and t.epoch = w.epoch
    returning
      t.terminal, t.epoch, o.last_sequence as before, w.highest is not null and (
        (w.lowest, w.numbers) <> (
          coalesce(greatest(o.last_sequence + 1, o.first_sequence), w.lowest),
          w.highest - w.lowest + 1
        )
        or exists (
          select 1
          from pos.exception x
          where x.cell_id = p_cell and x.terminal = w.terminal and x.epoch = w.epoch
            and x.kind = 'gap' and x.state = 'open'
        )
      ) as has_gaps,
      o.state is distinct from 'online' or o.announced_sequence > o.last_sequence as has_changed
  )
  select jsonb_agg(h order by h.terminal, h.epoch) into v_odd
  from heard h
  where h.has_gaps or h.has_changed;

  if v_odd is not null then
    return terminals.settle_heard(p_cell, p_receipts, v_odd, v_unmapped, p_now);
  end if;
  perform terminals.sync_places(p_cell, v_unmapped, p_now);
  return null;
end;
$$;
