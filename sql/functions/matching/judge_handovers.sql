-- Purpose: judges handovers by what is known now (domain §2.8, §6 story 12): matched with the one sale
--   line whose one candidate it is, ambiguous where there are more on either side, else waiting as it
--   was. What no longer is matched is undone first. Only handovers and lines decide, not the order in
--   which they came; what a person settled stays. The levels are locked.
-- Returns: events, and goods to be posted after p_pending in the same call.
create or replace function matching.judge_handovers(
  p_cell integer, p_handover_ids uuid[], p_pending stock.goods_change[], p_now timestamptz,
  out news events.new_event[], out goods stock.goods_change[]
)
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_handover pos.handover;
  v_lines sales.sale_line[];
  v_every sales.sale_line[];
  v_state text;
  v_step record;
begin
  for v_handover in
    select h.*
    from pos.handover h
    where h.cell_id = p_cell and h.handover_id = any(p_handover_ids)
    -- what is undone gives its line free before another takes it
    order by h.location_id, h.sku_id, h.state <> 'matched', h.handed_over_at, h.handover_id
  loop
    v_lines := matching.candidates(p_cell, v_handover, p_pending);
    v_every := v_every || v_lines;
    continue when v_handover.settled;
    v_state := case
      when v_lines is null and v_handover.state = 'unmatched' then 'unmatched'
      when v_lines is null then 'waiting'
      when cardinality(v_lines) = 1 and matching.rivals(p_cell, v_lines[1]) = 1 then 'matched'
      else 'ambiguous'
    end;
    if v_state = 'matched' and v_handover.state = 'matched'
        and v_handover.receipt_id = v_lines[1].document_id and v_handover.line = v_lines[1].line
    then
      continue;
    end if;
    if v_handover.state = 'matched' then
      select * into v_step
      from matching.turn_line(p_cell, v_handover, false, p_pending || goods, p_now);
      news := news || v_step.news;
      goods := goods || v_step.goods;
    end if;
    v_handover.state := v_state;
    v_handover.receipt_id := case when v_state = 'matched' then v_lines[1].document_id end;
    v_handover.line := case when v_state = 'matched' then v_lines[1].line end;
    perform matching.write_state(p_cell, v_handover, p_now);
    if v_state = 'matched' then
      select * into v_step
      from matching.turn_line(p_cell, v_handover, true, p_pending || goods, p_now);
      news := news || v_step.news;
      goods := goods || v_step.goods;
    end if;
  end loop;
  perform matching.tell_lines(p_cell, v_every, p_now);
end;
$$;
