-- Purpose: the word a customer sees (contract §12): the first that fits. Pure.
--   p_few is the largest number that is still called few (domain §2.8: 3).
create or replace function stock.level_word(
  p_available bigint, p_display bigint, p_unclaimed bigint, p_frozen text,
  p_confidence double precision, p_doubtful boolean, p_few bigint default 3
)
returns text
language sql
immutable
parallel safe
as $$
  select case
    when p_available = 0 and p_display > 0 then 'on_display'
    when p_unclaimed <= 0 and p_frozen is null then 'out_of_stock'
    when p_frozen is not null or p_confidence < 0.5 or p_doubtful then 'uncertain'
    when p_available <= p_few then 'few_left'
    else 'in_stock'
  end
$$;
