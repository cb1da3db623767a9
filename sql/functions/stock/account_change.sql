-- Purpose: by how much one movement changes one account. Pure, inlined.
create or replace function stock.account_change(p_goods stock.goods_change, p_account text)
returns bigint
language sql
immutable
parallel safe
as $$
  select case
    when (p_goods).to_account = p_account then (p_goods).quantity
    when (p_goods).from_account = p_account then -(p_goods).quantity
    else 0
  end
$$;
