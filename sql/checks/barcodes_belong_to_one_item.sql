-- A barcode stands for one item that there is, and its check digit is right (R106).
select b.gtin, count(*) as items, min(i.sku) as sku
from catalog.barcode b
left join catalog.item i on i.sku_id = b.sku_id
group by b.gtin
having count(*) > 1
  or count(i.sku_id) < count(*)
  or (
    select sum(
      substr(b.gtin, d.place, 1)::integer * case when d.place % 2 = 1 then 3 else 1 end
    ) % 10
    from generate_series(1, 14) d (place)
  ) <> 0
