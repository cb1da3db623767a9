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
  v_targets uuid[];
  v_moved record;
  v_voided record;
begin
  codes := array(select u.code from unnest(p_receipts) u);
  problems := '{}';
  perform pos.lock_levels(p_cell, p_receipts, p_lines, p_now);
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
  select g.p_codes, g.p_told into codes, problems
  from pos.gather_problems(v_problems, codes, problems) g;
  perform exceptions.close_unknown(p_cell, p_receipts, p_now);
  perform pos.write_receipts(p_cell, p_receipts, codes, problems, p_now);
  select * into v_moved from pos.move_lines(p_cell, p_lines, problems) m;
  v_goods := v_moved.goods;
  v_claims := v_moved.claims;
  v_problems := v_problems || v_moved.problems;
  problems := v_moved.told;
  news := pos.tell_receipts(p_receipts, codes, problems);
  if v_problems is not null then
    perform exceptions.keep_exceptions(p_cell, p_receipts, '{}', v_problems, p_now);
  end if;
  if 'void' = any(codes) then
    select * into v_voided
    from pos.void_receipts(p_cell, p_receipts, p_now, codes, v_goods, v_claims);
    codes := v_voided.codes;
    v_goods := v_voided.goods;
    v_claims := v_voided.claims;
    v_targets := v_voided.targets;
    news := news || v_voided.news;
  end if;
  if exists (select 1 from pos.receipt r where r.cell_id = p_cell and r.status = 'parked') then
    select * into v_voided
    from pos.void_parked(p_cell, p_receipts, p_now, v_goods, v_claims);
    v_goods := v_voided.goods;
    v_claims := v_voided.claims;
    v_targets := v_targets || v_voided.targets;
    news := news || v_voided.news;
  end if;
  news := news || pos.post_goods(
    p_cell, p_receipts, p_lines, v_targets, v_goods, v_claims, p_now
  );
end;
$$;
