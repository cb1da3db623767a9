-- Purpose: judges the returned lines of some sales again, after a sale came late, a return of an
--   earlier time, or a void: counts what came back of each sale line, opens and closes over_return,
--   and moves goods between quarantine and sellable, so that any order of arrival ends the same.
-- Lock order: stock levels, then sale lines. The levels of other places' returns are locked here; in
--   the rare case that this crosses another batch, the lane asks again.
-- Returns: the goods, to be posted after p_pending in the same call.
create or replace function late.judge_returns(
  p_cell integer, p_sales uuid[], p_pending stock.goods_change[], p_now timestamptz
)
returns stock.goods_change[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_judged late.judged_return[] := late.judged_returns(p_cell, p_sales);
begin
  if v_judged is null then
    return null;
  end if;
  perform stock.lock_levels(
    p_cell, p_now, array(select u.location_id from unnest(v_judged) u),
    array(select u.sku_id from unnest(v_judged) u), null
  );
  perform 1
  from sales.sale_line s
  where s.cell_id = p_cell and s.document_id = any(p_sales)
  order by s.document_id, s.line
  for update;
  v_judged := late.judged_returns(p_cell, p_sales);

  update sales.return_line r
  set quantity = j.quantity, surplus = j.surplus
  from (select p_cell as cell_id, u.* from unnest(v_judged) u) j
  where r.cell_id = j.cell_id and r.document_id = j.document_id and r.line = j.line;

  update sales.sale_line s
  set returned = s.returned + j.units
  from (
    select
      p_cell as cell_id, u.sale_document_id as document_id, u.sale_line as line,
      sum(u.change) as units
    from unnest(v_judged) u
    group by u.sale_document_id, u.sale_line
  ) j
  where s.cell_id = j.cell_id and s.document_id = j.document_id and s.line = j.line;

  perform late.tell_returns(p_cell, v_judged, p_now);
  return late.linked_goods(p_cell, v_judged, p_pending);
end;
$$;
