-- Purpose: who asks in a batch, in order, and how many open holds each may still have. The client's
--   counter includes holds that ended and are not yet released, so near the limit those are counted
--   off; a customer's are few enough to be counted each time.
create or replace function reservations.read_askers(
  p_cell integer, p_commands jsonb, p_now timestamptz
)
returns table (
  command integer, reservation_id uuid, expires_at timestamptz, has_customer boolean,
  client_slot integer, customer_slot integer, client_left bigint, customer_left bigint
)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select
    c.ordinality::integer, c.reservation_id, p_now + c.ttl_seconds * interval '1 second',
    c.customer is not null,
    dense_rank() over (order by c.client_id)::integer,
    dense_rank() over (order by c.customer)::integer,
    c.client_max - coalesce(h.open_holds, 0) + case
      when h.open_holds > c.client_max - 1024 then (
        select count(*)
        from reservations.reservation r
        where r.cell_id = p_cell and r.state = 'held' and r.expires_at <= p_now
          and r.client_id = c.client_id
      )
      else 0
    end,
    c.customer_max - case
      when c.customer is null then 0
      else (
        select count(*)
        from reservations.reservation r
        where r.cell_id = p_cell and r.customer = c.customer and r.state = 'held'
          and r.expires_at > p_now
      )
    end
  from rows from (
    jsonb_to_recordset(p_commands) as (
      reservation_id uuid, client_id integer, customer text, ttl_seconds integer,
      client_max bigint, customer_max bigint
    )
  ) with ordinality c (
    reservation_id, client_id, customer, ttl_seconds, client_max, customer_max, ordinality
  )
  left join reservations.client_holds h on h.cell_id = p_cell and h.client_id = c.client_id
  order by c.ordinality;
end;
$$;
