-- Purpose: makes the monthly partitions of ledgers and events ahead of time, and drops the events
--   that are older than they are kept. The only dynamic SQL of the house; owner's rights.
-- Arguments: p_now (null: the database's time), p_months ahead, p_keep_days of events.
-- Returns: the number of partitions made or dropped. Safe to run at any time, by several at once.
create or replace function events.maintain_partitions(
  p_now timestamptz default null, p_months integer default 13, p_keep_days integer default 90
)
returns integer
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_now timestamptz := coalesce(p_now, now());
  v_count integer := 0;
  v_table record;
  v_month date;
begin
  perform pg_catalog.pg_advisory_xact_lock(hashtext('hylde.partitions'));
  for v_table in
    select t.relname, n.nspname
    from pg_catalog.pg_partitioned_table p
    join pg_catalog.pg_class t on t.oid = p.partrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    where n.nspname in ('events', 'stock')
    order by n.nspname, t.relname
  loop
    for v_month in
      select m.month::date
      from generate_series(
        date_trunc('month', v_now - interval '1 month'),
        date_trunc('month', v_now) + p_months * interval '1 month',
        interval '1 month'
      ) m (month)
    loop
      if to_regclass(format(
        '%I.%I', v_table.nspname, v_table.relname || to_char(v_month, '_YYYYMM')
      )) is null then
        execute format(
          'create table %I.%I partition of %I.%I for values from (%L) to (%L)',
          v_table.nspname, v_table.relname || to_char(v_month, '_YYYYMM'),
          v_table.nspname, v_table.relname, v_month, v_month + interval '1 month'
        );
        v_count := v_count + 1;
      end if;
    end loop;
  end loop;
  for v_table in
    select c.relname, n.nspname
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where i.inhparent = 'events.event'::regclass
      -- the server may ask this of any table first, and not every name ends in a month
      and case
        when c.relname ~ '_[0-9]{6}$' then to_date(right(c.relname, 6), 'YYYYMM')
      end + interval '1 month' < v_now - p_keep_days * interval '1 day'
  loop
    execute format('drop table %I.%I', v_table.nspname, v_table.relname);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
