-- Purpose: last step of posting receipts: returns that waited for these sales, returns and handovers
--   that these receipts or voids put in another light, then all goods in one call, so that nothing
--   shows that nets to nothing. Whether anything waits is asked first: three look-ups a batch.
-- Takes: goods and claims of the lines and voids; p_targets are the receipts that were voided.
create or replace function pos.post_goods(
  p_cell integer, p_receipts pos.asked_receipt[], p_lines pos.asked_line[], p_targets uuid[],
  p_goods stock.goods_change[], p_claims stock.claim_change[], p_now timestamptz
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_returns boolean;
  v_first timestamptz;
  v_last timestamptz;
  v_documents uuid[];
  v_sales uuid[];
  v_goods stock.goods_change[] := p_goods;
  v_news events.new_event[];
  v_judged record;
begin
  select
    bool_or(u.sale is not null and u.quantity < 0), min(u.occurred_at), max(u.occurred_at)
  into v_returns, v_first, v_last
  from unnest(p_lines) u;
  if exists (
    select 1 from sales.return_line w
    where w.cell_id = p_cell and w.sale_document_id is null and not w.voided
  ) then
    v_sales := late.link_returns(p_cell, p_receipts, p_lines);
  end if;
  if v_returns or p_targets is not null then
    v_sales := v_sales || late.sales_of_returns(p_cell, p_lines, p_targets);
  end if;
  if v_sales is not null then
    v_goods := v_goods || late.judge_returns(p_cell, v_sales, v_goods, p_now);
  end if;
  if exists (
    select 1 from pos.handover h
    where h.cell_id = p_cell and (p_targets is not null or h.handed_over_at
      between v_first - interval '60 minutes' and v_last + interval '60 minutes')
  ) then
    v_documents := p_targets || array(select distinct u.receipt_id from unnest(p_lines) u);
    select j.news, j.goods into v_judged
    from matching.judge_handovers(
      p_cell, matching.handovers_near(p_cell, v_documents), v_goods, p_now
    ) j;
    v_news := v_judged.news;
    v_goods := v_goods || v_judged.goods;
  end if;
  if v_goods is null and p_claims is null then
    return v_news;
  end if;
  if exists (select 1 from unnest(p_receipts) u where abs(u.clock_offset_seconds) > 120) then
    v_goods := pos.flag_ambiguous(v_goods, p_receipts);
  end if;
  return v_news || stock.post(
    p_cell, p_now, case when p_lines is null then 'pos.voided' else 'pos.posted' end, v_goods,
    p_claims
  );
end;
$$;
