-- Purpose: locks the transfers whose time came before a moment, oldest first, leaving those that
--   another process has locked. p_what: unpicked (claimed and not sent), overdue (its ETA is past and
--   it has not all come), short (came short, nobody settled it). The levels are the caller's to lock.
create or replace function transfers.lock_due(
  p_cell integer, p_what text, p_before timestamptz, p_most integer
)
returns uuid[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_due uuid[];
begin
  select array_agg(d.transfer_id order by d.transfer_id) into v_due
  from (
    select t.transfer_id
    from transfers.transfer t
    where p_what = 'unpicked' and t.cell_id = p_cell and t.unpicked_since <= p_before
    order by t.unpicked_since
    limit p_most
    for update of t skip locked
  ) d;
  if p_what = 'short' then
    select array_agg(d.transfer_id order by d.transfer_id) into v_due
    from (
      select t.transfer_id
      from transfers.transfer t
      where t.cell_id = p_cell and t.short_since <= p_before
      order by t.short_since
      limit p_most
      for update of t skip locked
    ) d;
  elsif p_what = 'overdue' then
    select array_agg(d.transfer_id order by d.transfer_id) into v_due
    from (
      select t.transfer_id
      from transfers.transfer t
      where t.cell_id = p_cell and t.eta <= p_before and t.overdue_at is null
        and t.state in ('dispatched', 'partly_received', 'disputed')
      order by t.eta
      limit p_most
      for update of t skip locked
    ) d;
  end if;
  return coalesce(v_due, '{}');
end;
$$;
