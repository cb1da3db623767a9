-- Purpose: what was handed in. Linked to its sale it counts off what was sold, up to what was sold;
--   it goes to quarantine, and to sellable only if it is linked and resaleable (contract §11 Tills).
--   Units beyond what was sold are kept in quarantine and looked at by a person.
create or replace function pos.take_back(
  p_cell integer, p_lines pos.asked_line[], inout told jsonb[],
  out goods stock.goods_change[], out problems pos.line_problem[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_returned pos.returned_line[] := pos.match_returns(p_cell, p_lines);
begin
  update sales.sale_line s
  set returned = s.returned + w.units
  from (
    select p_cell as cell_id, u.sale_document_id, u.sale_line, sum(u.accepted) as units
    from unnest(v_returned) u
    where u.accepted > 0
    group by u.sale_document_id, u.sale_line
  ) w
  where s.cell_id = w.cell_id and s.document_id = w.sale_document_id and s.line = w.sale_line;

  -- one whose sale has not come waits for it (late.link_returns)
  insert into sales.return_line (
    cell_id, document_id, line, sale_document_id, sale_line, quantity, surplus, returned_at,
    sale_terminal, sale_sequence, location_id, sku_id, tracked, resaleable, client_id
  )
  select
    p_cell, u.receipt_id, u.line, u.sale_document_id, u.sale_line, u.accepted,
    u.quantity - u.accepted, u.occurred_at, u.sale_terminal, u.sale_sequence, u.location_id,
    u.sku_id, u.tracked, u.resaleable, u.client_id
  from unnest(v_returned) u
  where u.sale_document_id is not null or u.sale_terminal is not null;

  select array_agg((
    u.location_id, u.sku_id, 'customer', p.account, p.units, 'return', u.occurred_at, u.receipt_id,
    'pos', null, u.reference, u.client_id, null
  )::stock.goods_change)
  into goods
  from unnest(v_returned) u
  cross join lateral (
    values
    (u.accepted, case when u.resaleable then 'sellable' else 'quarantine' end),
    (u.quantity - u.accepted, 'quarantine')
  ) p (units, account)
  where u.tracked and p.units > 0;

  select array_agg((
    u.command, u.line,
    case when u.sale_document_id is null then 'sale_not_found' else 'over_return' end,
    null, null, u.quantity - u.accepted
  )::pos.line_problem)
  into problems
  from unnest(v_returned) u
  where u.sale_named and u.accepted < u.quantity;

  if problems is not null then
    select g.p_told into told from pos.gather_problems(problems, '{}', told) g;
    update pos.receipt r
    set problems = told[u.command]
    from (
      select distinct p_cell as cell_id, p.command, p.receipt_id from unnest(v_returned) p
    ) u
    where r.cell_id = u.cell_id and r.receipt_id = u.receipt_id and told[u.command] is not null;
  end if;
end;
$$;
