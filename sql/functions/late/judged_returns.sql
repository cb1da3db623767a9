-- Purpose: the returned lines of some sales that would be judged otherwise now. All that name one sale
--   line share what it sold in the order of their own times, whenever they came; a voided sale has
--   nothing. What a person has settled stays, and is taken off first.
create or replace function late.judged_returns(p_cell integer, p_sales uuid[])
returns late.judged_return[]
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select array_agg((
      j.document_id, j.line, j.sale_document_id, j.sale_line, j.accepted, j.units - j.accepted,
      j.accepted - j.quantity, j.location_id, j.sku_id, j.tracked and j.resaleable, j.returned_at,
      j.client_id, j.reference
    )::late.judged_return order by j.location_id, j.sku_id, j.returned_at, j.document_id, j.line)
    from (
      select w.*, least(w.units, greatest(0, w.sold - w.units_settled - w.units_before)) as accepted
      from (
        select
          r.*, r.quantity + r.surplus as units,
          case when f.status = 'voided' then 0 else s.quantity end as sold,
          c.terminal || '/' || c.sequence as reference,
          coalesce(sum(r.quantity) filter (where r.settled) over sale, 0) as units_settled,
          coalesce(sum(r.quantity + r.surplus) filter (where not r.settled) over (
            partition by r.sale_document_id, r.sale_line
            order by r.returned_at, c.terminal, c.sequence, r.document_id, r.line
            rows between unbounded preceding and 1 preceding
          ), 0) as units_before
        -- a batch may name one sale twice: by what waited for it, and by what it brings
        from (select distinct d.document_id from unnest(p_sales) d (document_id)) t
        join sales.return_line r
          on r.cell_id = p_cell and r.sale_document_id = t.document_id and not r.voided
        join sales.sale_line s
          on s.cell_id = p_cell and s.document_id = r.sale_document_id and s.line = r.sale_line
        left join pos.receipt f on f.cell_id = p_cell and f.receipt_id = r.sale_document_id
        left join pos.receipt c on c.cell_id = p_cell and c.receipt_id = r.document_id
        window sale as (partition by r.sale_document_id, r.sale_line)
      ) w
    ) j
    where not j.settled and (
      j.accepted <> j.quantity
      -- just linked, and nothing is left: nobody has been told yet
      or (j.accepted < j.units and not exists (
        select 1
        from pos.exception x
        where x.cell_id = p_cell and x.receipt_id = j.document_id and x.state = 'open'
          and x.kind = 'over_return' and x.line = j.line
      ))
    )
  );
end;
$$;
