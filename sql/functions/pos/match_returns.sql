-- Purpose: each returned line of a batch with the sale line that it names, and how many of its
--   units were still out there. Locks those sale lines; several returns of one share what is left,
--   in order of arrival. A voided sale has nothing left.
create or replace function pos.match_returns(p_cell integer, p_lines pos.asked_line[])
returns pos.returned_line[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  perform 1
  from (
    select distinct f.receipt_id, (l.sale ->> 'line')::integer as line
    from unnest(p_lines) l
    cross join lateral pos.find_receipt(
      p_cell, l.sale ->> 'terminal', (l.sale ->> 'sequence')::bigint
    ) f
    where l.quantity < 0 and l.sale is not null
    order by f.receipt_id, line
  ) w
  cross join lateral (
    select s.line
    from sales.sale_line s
    where s.cell_id = p_cell and s.document_id = w.receipt_id and s.line = w.line
    for update
  ) l;

  return (
    select array_agg((
      m.command, m.line, m.receipt_id, m.location_id, m.sku_id, m.tracked, m.units,
      case
        when m.document_id is null then 0
        else greatest(0, least(m.units, m.units_left - coalesce(m.units_before, 0)))
      end,
      m.sale is not null, m.document_id, (m.sale ->> 'line')::integer,
      coalesce(m.resaleable, false), m.occurred_at, m.client_id, m.reference,
      m.sale ->> 'terminal', (m.sale ->> 'sequence')::bigint
    )::pos.returned_line order by m.command, m.line)
    from (
      select
        l.*, -l.quantity as units, s.document_id, s.line as sale_line, s.units_left,
        sum(-l.quantity) over (
          partition by s.document_id, s.line order by l.command, l.line
          rows between unbounded preceding and 1 preceding
        ) as units_before
      from unnest(p_lines) l
      left join lateral (
        select
          k.document_id, k.line,
          case when f.status = 'voided' then 0 else k.quantity - k.returned end as units_left
        from pos.find_receipt(p_cell, l.sale ->> 'terminal', (l.sale ->> 'sequence')::bigint) f
        cross join lateral (
          select n.*
          from sales.sale_line n
          where n.cell_id = p_cell and n.document_id = f.receipt_id
            and n.line = (l.sale ->> 'line')::integer
          limit 1
        ) k
        where k.sku_id = l.sku_id
      ) s on true
      where l.quantity < 0 and l.sku_id is not null
    ) m
  );
end;
$$;
