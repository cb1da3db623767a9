-- Purpose: posts receipts whose natural keys are decided: the receipts themselves, sale lines,
--   returns, goods, voids. Used by post_receipts and by the acceptance of what review held.
-- Returns: codes and problems by command, and the events to write last.
create or replace function pos.post_asked(
  p_cell integer, p_receipts pos.asked_receipt[], p_lines pos.asked_line[], p_now timestamptz,
  out codes text[], out problems jsonb[],
  out news events.new_event[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_problems pos.line_problem[];
  v_goods stock.goods_change[];
  v_claims stock.claim_change[];
  v_orders boolean;
  v_returns boolean;
  v_unmapped boolean;
begin
  codes := array(select u.code from unnest(p_receipts) u);
  problems := '{}';
  perform pos.lock_levels(p_cell, p_receipts, p_lines, p_now);
  select bool_or(u.quantity < 0), bool_or(u.sku_id is null), bool_or(u.order_id is not null)
  into v_returns, v_unmapped, v_orders
  from unnest(p_lines) u;

  if v_unmapped then
    v_problems := (
      select array_agg(
        (
          u.command, u.line,
          case when u.quantity is null then 'fractional_quantity' else 'unmapped' end,
          u.gtin, u.sku, u.quantity
        )::pos.line_problem
      )
      from unnest(p_lines) u
      where u.sku_id is null
    );
  end if;
  select g.p_codes, g.p_told into codes, problems
  from pos.gather_problems(v_problems, codes, problems) g;
  perform pos.close_unknown(p_cell, p_receipts, p_now);
  perform pos.write_receipts(p_cell, p_receipts, codes, problems, p_now);
  v_goods := pos.sell_lines(p_cell, p_lines);
  if v_orders then
    select v_goods || s.goods, s.claims into v_goods, v_claims
    from pos.serve_orders(p_cell, p_lines) s;
  end if;
  if v_returns then
    select v_goods || t.goods, v_problems || t.problems, t.told
    into v_goods, v_problems, problems
    from pos.take_back(p_cell, p_lines, problems) t;
  end if;
  news := pos.tell_receipts(p_receipts, codes, problems);
  if v_problems is not null then
    perform pos.keep_exceptions(p_cell, p_receipts, '{}', v_problems, p_now);
  end if;
  if v_goods is not null then
    news := news || stock.post(p_cell, p_now, 'pos.posted', v_goods, v_claims);
  end if;
  if 'void' = any(codes) then
    select v.p_codes, post_asked.news || v.news into codes, news
    from pos.void_receipts(p_cell, p_receipts, codes, p_now) v;
  end if;
  if exists (select 1 from pos.receipt r where r.cell_id = p_cell and r.status = 'parked') then
    news := news || pos.void_parked(p_cell, p_receipts, p_now);
  end if;
end;
$$;
