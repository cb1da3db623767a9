-- Purpose: voids that have waited 72 hours for their sale are marked for a person (domain §2.8); the
--   sale may still come. Each once.
-- Takes: one command of pos.commands.MarkOverdue: so many at most.
-- Lock order: terminals by (terminal, epoch), then the cell's state.
-- Outcomes: marked. Events: pos.overdue.
create or replace function pos.mark_overdue(
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
  v_due uuid[];
  v_news events.new_event[];
begin
  if p_cell is null then
    raise exception 'p_cell is null';
  end if;
  select array_agg(w.receipt_id) into v_due
  from (
    select r.receipt_id
    from pos.receipt r
    join pos.exception x
      on x.cell_id = r.cell_id and x.receipt_id = r.receipt_id and x.kind = 'parked'
      and x.state = 'open'
    where r.cell_id = p_cell and r.status = 'parked' and not x.body ? 'overdue'
      and r.recorded_at <= v_now - interval '72 hours'
    limit (select max(c.most) from jsonb_to_recordset(p_commands) as c (most integer))
  ) w;
  if v_due is not null then
    perform pos.lock_terminals(p_cell, array(
      select t.code
      from pos.receipt r
      cross join lateral (values (r.terminal), (r.void_terminal)) t (code)
      where r.cell_id = p_cell and r.receipt_id = any(v_due)
    ));
    with marked as (
      update pos.exception x
      set body = x.body || '{"overdue": true}'
      where x.cell_id = p_cell and x.receipt_id = any(v_due) and x.kind = 'parked'
        and x.state = 'open' and not x.body ? 'overdue'
      returning x.cell_id, x.receipt_id
    ), changed as (
      update pos.receipt r
      set version = r.version + 1
      from marked m
      where r.cell_id = p_cell and r.receipt_id = m.receipt_id
      returning r.receipt_id, r.version, r.client_id
    )
    select array_agg((
      v_now, 'pos.overdue', 'receipt/' || c.receipt_id, c.version, c.client_id,
      pos.receipt_data(exceptions.kept_receipt(p_cell, c.receipt_id, null), 'parked', null)
    )::events.new_event order by c.receipt_id)
    into v_news
    from changed c;
    perform events.write_events(p_cell, v_now, v_news);
  end if;
  return (
    select jsonb_agg(jsonb_build_object('code', 'marked', 'receipts', case
      when c.ordinality = 1 then coalesce(cardinality(v_news), 0)
      else 0
    end))
    from jsonb_array_elements(p_commands) with ordinality c
  );
end;
$$;
