-- Every number of a till's life between its first and its last that has not come stands in exactly
-- one gap, open or given up, and no number that came stands in an open one (I13).
with missing as (
  select
    w.cell_id, w.terminal, w.epoch, max(w.sequence) as newest,
    coalesce(range_agg(int8range(w.before + 1, w.sequence)) filter (
      where w.sequence > w.before + 1
    ), '{}') as spans
  from (
    select
      r.cell_id, r.terminal, r.epoch, r.sequence, greatest(
        coalesce(lag(r.sequence) over (
          partition by r.cell_id, r.terminal, r.epoch order by r.sequence
        ), 0), t.first_sequence - 1
      ) as before
    from pos.receipt r
    join pos.terminal t
      on t.cell_id = r.cell_id and t.terminal = r.terminal and t.epoch = r.epoch
  ) w
  group by w.cell_id, w.terminal, w.epoch
), gaps as (
  select
    x.cell_id, x.terminal, x.epoch, sum(x.quantity) as quantity,
    range_agg(int8range(x.sequence, x.sequence + x.quantity)) as spans,
    coalesce(range_agg(int8range(x.sequence, x.sequence + x.quantity)) filter (
      where x.state = 'open'
    ), '{}') as open_spans
  from pos.exception x
  where x.kind = 'gap' and (x.state = 'open' or x.resolution ->> 'action' = 'accept')
  group by x.cell_id, x.terminal, x.epoch
)
select
  t.cell_id, t.terminal, t.epoch, t.first_sequence, t.last_sequence, m.newest,
  m.spans as missing, g.spans as gaps
from pos.terminal t
left join missing m
  on m.cell_id = t.cell_id and m.terminal = t.terminal and m.epoch = t.epoch
left join gaps g
  on g.cell_id = t.cell_id and g.terminal = t.terminal and g.epoch = t.epoch
where t.last_sequence is distinct from m.newest
  or not coalesce(m.spans, '{}') <@ coalesce(g.spans, '{}')
  -- before the first one came, what was announced may be missing anywhere
  or (t.last_sequence is not null and not coalesce(g.open_spans, '{}') * int8multirange(
    int8range(t.first_sequence, greatest(t.first_sequence, t.last_sequence + 1))
  ) <@ coalesce(m.spans, '{}'))
  -- two gaps over the same number
  or g.quantity <> (select sum(upper(u.span) - lower(u.span)) from unnest(g.spans) u (span))
