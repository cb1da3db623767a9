-- Purpose: posts up to p_most items of an approved count by the late-event rule, and ends the count with
--   the last of them. Of the ready shelf nothing is moved: what is staged belongs to orders, so a difference
--   is told, and a person is asked to look (domain §2.5).
-- Locks: stock levels by (location, sku); the caller has locked the session.
create or replace function counts.post_items(
  p_cell integer, p_session_id uuid, p_most integer, p_now timestamptz
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
  v_session counts.session;
  v_heard_until timestamptz;
  v_lines stock.counted_line[];
  v_expected bigint[];
  v_news events.new_event[];
begin
  select s.* into v_session
  from counts.session s
  where s.cell_id = p_cell and s.session_id = p_session_id;
  select min(t.heard_until) into v_heard_until
  from counts.tills(p_cell, v_session.location_id) t;
  select array_agg((v_session.location_id, i.sku_id, i.counted, i.counted_at, p_session_id,
    v_session.provisional and i.counted_at > v_heard_until, coalesce(v_session.reason, 'count: ' || v_session.kind),
    v_session.approved_by)::stock.counted_line order by i.sku_id)
  into v_lines
  from (
    select w.sku_id, w.counted, w.counted_at
    from counts.item w
    where w.cell_id = p_cell and w.session_id = p_session_id
      and w.posted_at is null and w.counted is not null
    order by w.sku_id
    limit p_most
  ) i;
  if v_lines is not null then
    perform stock.lock_levels(
      p_cell, p_now, array_agg(u.location_id), array_agg(u.sku_id),
      array_agg(v_session.kind <> 'ready_shelf')
    )
    from unnest(v_lines) u;
    if v_session.kind = 'ready_shelf' then
      v_expected := trust.staged_at(p_cell, v_lines);
    else
      select p.v_expected, p.v_events into v_expected, v_news
      from stock.post_counts(p_cell, v_lines, p_now) p;
    end if;
    -- written by key, whatever the planner believes of a fresh table
    insert into counts.item (
      cell_id, session_id, sku_id, round, counted, counted_at, expected, posted_at
    )
    select p_cell, p_session_id, u.sku_id, v_session.round, u.counted, u.counted_at,
      coalesce(v_expected[u.ordinality], 0), p_now
    from unnest(v_lines) with ordinality u
    on conflict on constraint item_pkey do update
    set expected = excluded.expected, posted_at = excluded.posted_at;
    if v_session.kind = 'ready_shelf' then
      perform trust.open_tasks(
        p_cell, p_now, 'asked', array_agg(u.location_id), array_agg(u.sku_id)
      )
      from unnest(v_lines) with ordinality u
      where u.counted <> v_expected[u.ordinality];
    end if;
    v_news := v_news || counts.tell_variances(p_cell, v_session, v_lines, v_expected, p_now);
  end if;
  if not exists (
    select 1
    from counts.item i
    where i.cell_id = p_cell and i.session_id = p_session_id
      and i.posted_at is null and i.counted is not null
  ) then
    v_news := v_news || counts.advance(
      p_cell, p_session_id, 'posted', 'count.posted', v_session.approved_by, p_now
    );
  end if;
  return v_news;
end;
$$;
