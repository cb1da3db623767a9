-- Purpose: the only writer of stock levels. Writes goods and claims into their ledgers, numbers
--   them by the level's version, moves the level by their sums, and hands back one stock.changed
--   event for each level (state at that moment, before, after and cause).
-- What occurred before its level was last counted is trued up (trust.true_up); the question costs a
--   comparison where the level's version is read.
-- The caller has locked the levels (in location, sku order) and passes the events on to
--   events.write_events as its last step.
create or replace function stock.post(
  p_cell integer, p_now timestamptz, p_cause text,
  p_goods stock.goods_change[], p_claims stock.claim_change[]
)
returns events.new_event[]
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_goods stock.goods_change[] := p_goods;
  v_versions bigint[];
  v_near boolean;
begin
  if cardinality(p_goods) > 0 then
    select array_agg(s.version order by g.ordinality),
      bool_or(g.occurred_at <= s.last_counted_at + interval '2 minutes')
    into v_versions, v_near
    from unnest(p_goods) with ordinality g
    cross join lateral (
      select v.version, v.last_counted_at
      from stock.stock_level v
      where v.cell_id = p_cell and v.location_id = g.location_id and v.sku_id = g.sku_id
      limit 1
    ) s;
    if v_near then
      select t.p_goods, t.p_versions into v_goods, v_versions
      from trust.true_up(p_cell, p_now, v_goods, v_versions) t;
    end if;
    insert into stock.ledger_entry (
      cell_id, location_id, sku_id, ledger_sequence, from_account, to_account, quantity, kind,
      occurred_at, recorded_at, document_id, source, reason, reference, client_id, reverses
    )
    select
      p_cell, g.location_id, g.sku_id,
      v_versions[g.ordinality]
      + row_number() over (partition by g.location_id, g.sku_id order by g.ordinality),
      g.from_account, g.to_account, g.quantity, g.kind, g.occurred_at, p_now, g.document_id,
      g.source, g.reason, g.reference, g.client_id, g.reverses
    from unnest(v_goods) with ordinality g;
  end if;
  if cardinality(p_claims) > 0 then
    insert into stock.claim_entry (
      cell_id, location_id, sku_id, ledger_sequence, holder_id, kind, reserved_change,
      unpicked_change, recorded_at, client_id
    )
    select
      p_cell, c.location_id, c.sku_id,
      s.version + coalesce(g.entries, 0)
      + row_number() over (partition by c.location_id, c.sku_id order by c.ordinality),
      c.holder_id, c.kind, c.reserved_change, c.unpicked_change, p_now, c.client_id
    from unnest(p_claims) with ordinality c
    cross join lateral (
      select v.version
      from stock.stock_level v
      where v.cell_id = p_cell and v.location_id = c.location_id and v.sku_id = c.sku_id
      limit 1
    ) s
    left join (
      select u.location_id, u.sku_id, count(*) as entries
      from unnest(v_goods) u group by u.location_id, u.sku_id
    ) g on g.location_id = c.location_id and g.sku_id = c.sku_id;
  end if;
  return stock.move_levels(p_cell, p_now, p_cause, v_goods, p_claims);
end;
$$;
