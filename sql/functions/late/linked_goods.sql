-- Purpose: the movements of returned lines that are judged otherwise: what turns out to be linked and
--   resaleable goes from quarantine to sellable, what turns out to be surplus goes back, at the time of
--   the return. Of what somebody has taken from quarantine since, only what is left can move.
create or replace function late.linked_goods(
  p_cell integer, p_judged late.judged_return[], p_pending stock.goods_change[]
)
returns stock.goods_change[]
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select array_agg((
      m.location_id, m.sku_id, m.from_account, m.to_account, m.units, 'return_linked',
      m.returned_at, m.document_id, 'pos', null, m.reference, m.client_id, null
    )::stock.goods_change order by m.ordinality)
    from (
      select
        j.*, case when j.change > 0 then 'quarantine' else 'sellable' end as from_account,
        case when j.change > 0 then 'sellable' else 'quarantine' end as to_account,
        case
          when j.change < 0 then -j.change
          else least(j.change, greatest(0,
            pos.in_quarantine(p_cell, j.location_id, j.sku_id, p_pending)
            - coalesce(sum(greatest(j.change, 0)) over (
              partition by j.location_id, j.sku_id order by j.ordinality
              rows between unbounded preceding and 1 preceding
            ), 0)
          ))
        end::bigint as units
      from unnest(p_judged) with ordinality j
      where j.goods_move
    ) m
    where m.units > 0
  );
end;
$$;
