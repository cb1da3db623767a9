-- A source key is taken by a movement that is in the ledger (contract §11, Stock).
select k.cell_id, k.client_id, k.source_key, k.movement_id
from stock.source_key k
where not exists (
  select 1
  from stock.ledger_entry e
  where e.cell_id = k.cell_id and e.document_id = k.movement_id and e.client_id = k.client_id
)
