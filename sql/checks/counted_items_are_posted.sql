-- Every item of a posted count stands in stock.stock_count as it was counted, and a posted count has none
-- left to post; what is given up or still being counted posted nothing (I12). The ready shelf moves nothing.
select
  s.cell_id, s.session_id, s.kind, s.state, i.sku_id, i.counted, i.expected, i.counted_at, i.posted_at,
  c.counted as posted, c.expected as posted_expected
from counts.session s
join counts.item i on i.cell_id = s.cell_id and i.session_id = s.session_id
left join stock.stock_count c
  on c.cell_id = i.cell_id and c.location_id = s.location_id and c.sku_id = i.sku_id
  and c.counted_at = i.counted_at and c.document_id = s.session_id
where (i.posted_at is not null and s.state not in ('approved', 'posted'))
  or (s.state = 'posted' and i.counted is not null and i.posted_at is null)
  or ((i.posted_at is not null and s.kind <> 'ready_shelf') <> (c.document_id is not null))
  or c.counted <> i.counted or c.expected <> i.expected
