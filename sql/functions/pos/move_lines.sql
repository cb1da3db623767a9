-- Purpose: what the lines of posted receipts do: sale lines, goods, orders' claims, what comes back.
--   Used when a receipt is posted, and for its lines whose code was not known then.
-- Returns: goods and claims to be posted, what is wrong with lines, and by command what is told of it.
create or replace function pos.move_lines(
  p_cell integer, p_lines pos.asked_line[], inout told jsonb[],
  out goods stock.goods_change[], out claims stock.claim_change[], out problems pos.line_problem[]
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_orders boolean;
  v_returns boolean;
begin
  goods := pos.sell_lines(p_cell, p_lines);
  select bool_or(u.quantity < 0), bool_or(u.order_id is not null)
  into v_returns, v_orders
  from unnest(p_lines) u;
  if v_orders then
    select move_lines.goods || s.goods, s.claims into goods, claims
    from pos.serve_orders(p_cell, p_lines) s;
  end if;
  if v_returns then
    select move_lines.goods || t.goods, t.problems, t.told
    into goods, problems, told
    from pos.take_back(p_cell, p_lines, told) t;
  end if;
end;
$$;
