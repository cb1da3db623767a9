-- Purpose: the sales whose returns have to be judged again: those that returned lines of a batch name,
--   those that a voided return named, and voided ones. Only sales that have returned lines; null if
--   there are none.
create or replace function late.sales_of_returns(
  p_cell integer, p_lines pos.asked_line[], p_targets uuid[]
)
returns uuid[]
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
    select array_agg(distinct r.sale_document_id)
    from (
      select n.sale_document_id
      from (
        select distinct u.receipt_id from unnest(p_lines) u where u.sale is not null
        union
        select t.target from unnest(p_targets) t (target)
      ) d
      cross join lateral (
        select k.sale_document_id
        from sales.return_line k
        where k.cell_id = p_cell and k.document_id = d.receipt_id
      ) n
      union
      select t.target
      from unnest(p_targets) t (target)
      where exists (
        select 1
        from sales.return_line k
        where k.cell_id = p_cell and k.sale_document_id = t.target
      )
    ) r
    where r.sale_document_id is not null
  );
end;
$$;
