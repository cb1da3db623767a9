"""How the invariants of stock, holds, receipts and events can be broken, on sound data."""

# check -> statements, each of which breaks it; {names} are of the world below
SPOILT: dict[str, tuple[str, ...]] = {
    "levels_equal_the_ledger": (
        "update stock.stock_level set sellable = sellable + 1 where {at}",
        "update stock.ledger_entry set quantity = quantity + 1 where {at} and ledger_sequence = 1",
        "update stock.stock_level set first_moved_at = first_moved_at + interval '1 s' where {at}",
        "update stock.stock_level set last_moved_at = last_moved_at + interval '1 s' where {at}",
        "update stock.stock_level set moved_ahead = interval '-1 day' where {at}",
        "delete from stock.stock_level where {at}",
    ),
    "reserved_equals_the_claim_ledger": (
        "update stock.stock_level set reserved = reserved + 1 where {at}",
        "delete from stock.claim_entry where holder_id = '{held}'",
        "delete from stock.stock_level where {at}",
    ),
    "reserved_equals_open_claims": (
        "update stock.claim set open_quantity = open_quantity - 1 where holder_id = '{held}'",
        "update stock.stock_level set unpicked = unpicked - 1 where {at}",
        "delete from stock.stock_level where {at}",
    ),
    "claims_equal_their_entries": (
        "update stock.claim set open_quantity = open_quantity - 1 where holder_id = '{held}'",
        "update stock.claim set staged_quantity = 1 where holder_id = '{held}'",
        "delete from stock.claim where holder_id = '{held}'",
    ),
    "accounts_keep_their_bounds": (
        (
            "alter table stock.stock_level drop constraint damaged_not_negative;"
            " update stock.stock_level set damaged = -1 where {at}"
        ),
        (
            "alter table stock.stock_level drop constraint unpicked_is_part_of_reserved;"
            " update stock.stock_level set unpicked = reserved + 1 where {at}"
        ),
        "update stock.stock_level set sellable = -1, frozen_reason = null where {at}",
    ),
    "counts_hold": (
        "update stock.stock_count set counted = counted + 1 where {odd}",
        (
            "update stock.ledger_entry set quantity = quantity + 1"
            " where {odd} and kind = 'count_trueup'"
        ),
        "delete from stock.ledger_entry where {odd} and kind = 'count_trueup'",
        "update stock.stock_level set last_counted_at = null where {odd}",
        (
            "update stock.stock_level set last_counted_at = last_counted_at - interval '1 s'"
            " where {odd}"
        ),
    ),
    "true_ups_have_their_count": (
        "delete from stock.stock_count where {odd}",
        "update stock.stock_count set counted_at = counted_at + interval '1 s' where {odd}",
        (
            "update stock.ledger_entry set document_id = '{sale}'"
            " where {odd} and kind = 'count_trueup'"
        ),
    ),
    "frozen_levels_wait_for_a_count": (
        "delete from stock.count_task where {odd}",
        "update stock.count_task set done_at = opened_at where {odd}",
        "update stock.stock_level set frozen_reason = 'not_found' where {at}",
    ),
    "shortfalls_equal_the_difference": (
        "delete from stock.shortfall where {odd}",
        "update stock.shortfall set quantity = quantity + 1 where {odd}",
        "update stock.stock_level set unpicked = unpicked - 1 where {odd}",
        (
            "insert into stock.shortfall (cell_id, location_id, sku_id, quantity, opened_at)"
            " select cell_id, location_id, sku_id, 1, changed_at from stock.stock_level where {at}"
        ),
        "delete from stock.stock_level where {odd}",
    ),
    "ledger_numbers_are_unique": (
        "update stock.claim_entry set ledger_sequence = 1 where holder_id = '{held}'",
        "update stock.ledger_entry set ledger_sequence = 99 where {at} and ledger_sequence = 1",
        "update stock.ledger_entry set ledger_sequence = 0 where {at} and ledger_sequence = 1",
    ),
    "expiry_bounds_hold": ("update stock.stock_level set next_expiry_at = 'infinity' where {at}",),
    "entries_name_their_actor": (
        "update stock.ledger_entry set client_id = null where {at} and ledger_sequence = 1",
        (
            "update stock.ledger_entry set source = 'count', reason = ' '"
            " where {at} and ledger_sequence = 1"
        ),
    ),
    "reversals_match": (
        "update stock.ledger_entry set quantity = quantity + 1 where {at} and reverses is not null",
        "update stock.ledger_entry set reverses = 77 where {at} and reverses is not null",
        (
            "update stock.ledger_entry set reverses = (select max(reverses)"
            " from stock.ledger_entry where {at}) where {at} and kind = 'received'"
        ),
    ),
    "source_keys_have_a_movement": (
        "update stock.source_key set movement_id = '{held}' where source_key = '{sku}'",
    ),
    "events_are_gapless": (
        "delete from events.event where subject = '{subject}' and subject_sequence = 2",
        (
            "update events.event set sequence = sequence - 1 where subject = '{subject}'"
            " and subject_sequence = 2"
        ),
        "update events.cell_state set sequence = sequence + 1",
        "delete from events.event",
    ),
    "subjects_are_gapless": (
        "delete from events.event where subject = '{subject}' and subject_sequence = 2",
        "delete from events.event where subject = '{subject}' and subject_sequence = 1",
        (
            "update events.event set subject_sequence = case subject_sequence"
            " when 1 then 2 when 2 then 1 else subject_sequence end where subject = '{subject}'"
        ),
    ),
    "changes_are_told": (
        "update stock.stock_level set change_count = change_count + 1 where {at}",
        "update stock.stock_level set sellable = sellable - 1 where {at}",
        "update stock.stock_level set version = version + 1 where {at}",
        "delete from events.event where subject = '{subject}'",
    ),
    "reservations_match_their_claims": (
        "update reservations.reservation set state = 'released' where reservation_id = '{held}'",
        (
            "update stock.claim set expires_at = expires_at + interval '1 s'"
            " where holder_id = '{held}'"
        ),
        "delete from stock.claim where holder_id = '{held}'",
        "delete from reservations.reservation where reservation_id = '{held}'",
    ),
    "open_holds_are_counted": (
        "update reservations.client_holds set open_holds = open_holds + 1",
        "delete from reservations.client_holds",
    ),
    "reservations_are_told": (
        "update reservations.reservation set version = version + 1 where reservation_id = '{held}'",
        "delete from events.event where subject = 'reservation/{held}'",
    ),
    "receipts_are_told": (
        "update pos.receipt set version = version + 1 where receipt_id = '{sale}'",
        "delete from events.event where subject = 'receipt/{sale}'",
    ),
    "sold_units_left_the_book": (
        "delete from stock.ledger_entry where document_id = '{sale}'",
        "update stock.ledger_entry set quantity = quantity + 1 where document_id = '{sale}'",
        "delete from sales.sale_line where document_id = '{sale}'",
    ),
    "only_posted_receipts_move_goods": (
        "update pos.receipt set status = 'rejected' where receipt_id = '{sale}'",
        "delete from pos.receipt where receipt_id = '{sale}'",
        (
            "delete from stock.ledger_entry where document_id = '{sale}';"
            " delete from pos.receipt where receipt_id = '{sale}'"
        ),
    ),
    "voided_receipts_are_taken_back": (
        "delete from stock.ledger_entry where document_id = '{void}'",
        "update sales.sale_line set voided = false where document_id = '{voided}'",
        "update pos.receipt set status = 'posted' where receipt_id = '{voided}'",
        "update pos.receipt set voided_by = null where receipt_id = '{voided}'",
    ),
    "never_more_returned_than_sold": (
        "update sales.sale_line set returned = returned + 1 where document_id = '{sale}'",
        "update sales.return_line set voided = true where sale_document_id = '{sale}'",
        "delete from sales.sale_line where document_id = '{sale}'",
        (
            "alter table sales.sale_line drop constraint never_more_returned_than_sold;"
            " update sales.sale_line set returned = 99 where document_id = '{sale}';"
            " update sales.return_line set quantity = 99 where sale_document_id = '{sale}'"
        ),
    ),
    "missing_numbers_are_open_gaps": (
        "update pos.exception set quantity = quantity - 1 where kind = 'gap' and {missing}",
        "update pos.exception set quantity = quantity + 1 where kind = 'gap' and {missing}",
        "update pos.exception set sequence = sequence - 1 where kind = 'gap' and {missing}",
        (
            "update pos.exception set state = 'resolved', resolution = '{{\"action\": \"filled\"}}'"
            " where kind = 'gap' and {missing}"
        ),
        "delete from pos.exception where kind = 'gap' and {missing}",
        "update pos.terminal set last_sequence = last_sequence - 1 where {missing}",
        (
            "insert into pos.exception select (jsonb_populate_record(x, jsonb_build_object("
            "'exception_id', '{held}', 'sequence', x.sequence + 1, 'quantity', x.quantity - 1))).*"
            " from pos.exception x where x.kind = 'gap' and {missing}"
        ),
    ),
    "waiting_receipts_are_seen": (
        "update pos.receipt set status = 'held_for_review' where receipt_id = '{sale}'",
    ),
    "outcomes_have_a_code": (
        "update web.command set outcome = outcome - 'code'",
        "update web.command set outcome = outcome || '{{\"replayed\": true}}'",
        'update web.command set outcome = \'{{"code": "twin"}}\'',
    ),
    "no_secret_is_kept": (
        'update web.command set outcome = outcome || \'{{"a": "hyl_live_abc"}}\'',
        'update events.event set data = data || \'{{"a": "hyl_live_abc"}}\'',
        "update stock.ledger_entry set reason = 'token hyl_live_abc' where {at}",
    ),
    "barcodes_belong_to_one_item": (
        "update catalog.barcode set gtin = '05701234567890' where gtin = '{gtin}'",
        (
            "alter table catalog.barcode drop constraint barcode_pkey;"
            " insert into catalog.barcode (gtin, sku_id) select gtin, sku_id from catalog.barcode"
        ),
        (
            "alter table catalog.barcode drop constraint barcode_belongs_to_an_item;"
            " update catalog.barcode set sku_id = -1 where gtin = '{gtin}'"
        ),
    ),
}
