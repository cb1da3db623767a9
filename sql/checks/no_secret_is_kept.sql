-- No token stands in what was decided, in an event or in a movement's reason (reliability §4).
select 'outcome' as found_in, c.cell_id::text || '/' || c.client_id || '/' || c.key as which
from web.command c
where c.outcome::text like '%hyl\_live\_%'
union all
select 'event', v.cell_id::text || '/' || v.sequence
from events.event v
where v.data::text like '%hyl\_live\_%'
union all
select 'ledger', e.cell_id::text || '/' || e.document_id
from stock.ledger_entry e
where coalesce(e.reason, '') || coalesce(e.reference, '') like '%hyl\_live\_%'
