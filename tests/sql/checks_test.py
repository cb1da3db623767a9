"""Each invariant of sql/checks can fail: a copy of real data is spoilt, and the row is found.

The data is made over HTTP (goods, holds, sales, a void, a return), and is clean before that.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from biip.checksums import gs1_standard_check_digit

from service.cli import check as cli
from service.invariants import check_all, check_texts, count_violations
from tests.sql.broken_counts import SPOILT as COUNTS
from tests.sql.broken_counts import posted_count
from tests.sql.broken_transfers import SPOILT as TRANSFERS
from tests.sql.broken_transfers import sent_transfer

SQL = dict(check_texts())

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
    **COUNTS,
    **TRANSFERS,
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


@pytest_asyncio.fixture(scope="module")
async def world(running: Any) -> dict[str, str]:
    """Names of what was made: goods, a hold that is open and one that is not, sales and more."""
    digits = f"057{secrets.randbelow(10**10):010}"
    gtin = digits + str(gs1_standard_check_digit(digits))
    place, sku = await running.place(), await running.item(gtins=[gtin])
    movement = {"location": place, "sku": sku, "kind": "received", "quantity": 20}
    reply = await running.post(
        "/v1/stock/movements", {"movements": [{**movement, "source_key": sku}]}
    )
    assert reply.json()["results"][0]["status"] == "posted", reply.text
    hold = {"location": place, "lines": [{"sku": sku, "quantity": 2}]}
    held = (await running.post("/v1/reservations", hold)).json()["id"]
    ended = (await running.post("/v1/reservations", hold)).json()["id"]
    assert (await running.post(f"/v1/reservations/{ended}/release", {})).status_code == 200
    receipts = await _receipts(running, place, sku, gtin)
    receipts["sent"] = await sent_transfer(running)
    receipts["count"] = await posted_count(running)
    row = await running.owner.fetchrow(
        "select location_id, sku_id from locations.location, catalog.item"
        " where location = $1 and sku = $2",
        place,
        sku,
    )
    at = f"location_id = {row['location_id']} and sku_id = {row['sku_id']}"
    subject = f"stock/{place}/{sku}"
    odd = await _odd(running, place, row["location_id"])
    return {
        "at": at,
        "odd": odd,
        "sku": sku,
        "gtin": gtin,
        "held": held,
        "subject": subject,
        **receipts,
    }


async def _receipts(running: Any, place: str, sku: str, gtin: str) -> dict[str, str]:
    """A sale of three, of which one comes back, one that is voided; 5 to 8 have not come."""
    till = f"{place}-1"
    assert (await running.put(f"/v1/pos/terminals/{till}", {"location": place})).is_success
    now = (await running.owner.fetchval("select now()")).isoformat()
    head = {"terminal": till, "occurred_at": now, "currency": "DKK"}
    line = {"line": 1, "gtin": gtin, "unit_price": 100, "paid": 100}
    back = {"terminal": till, "sequence": 1, "line": 1}
    reply = await running.post("/v1/pos/receipts", {"receipts": [
        {**head, "sequence": 1, "kind": "sale", "lines": [{**line, "quantity": 3}]},
        {**head, "sequence": 2, "kind": "sale", "lines": [{**line, "quantity": 1}]},
        {**head, "sequence": 3, "kind": "void", "voids": {"terminal": till, "sequence": 2},
         "lines": []},
        {**head, "sequence": 4, "kind": "return",
         "lines": [{"line": 1, "sku": sku, "quantity": -1, "paid": -100, "sale": back}]},
        {**head, "sequence": 9, "kind": "no_sale", "lines": []},
    ]})  # fmt: skip
    results = reply.json()["results"]
    assert [result["status"] for result in results] == ["posted"] * 5, reply.text
    sale, voided, void, *_ = (result["receipt"] for result in results)
    return {"sale": sale, "voided": voided, "void": void, "missing": f"terminal = '{till}'"}


async def _odd(running: Any, place: str, location_id: int) -> str:
    """An item that was counted, sold late before that, and then sold though it was promised."""
    sku = await running.item()
    await running.receive(place, sku, 3)
    hold = {"location": place, "lines": [{"sku": sku, "quantity": 2}]}
    assert (await running.post("/v1/reservations", hold)).status_code == 201
    count = {"sellable": 2, "expected": 3, "reason": "shelf"}
    assert (await running.put(f"/v1/stock/{place}/{sku}", count)).status_code == 200
    now = await running.owner.fetchval("select now()")
    head = {"terminal": f"{place}-1", "kind": "sale", "currency": "DKK"}
    line = {"line": 1, "sku": sku, "unit_price": 100, "paid": 100}
    reply = await running.post("/v1/pos/receipts", {"receipts": [
        {**head, "sequence": 5, "occurred_at": (now - timedelta(hours=1)).isoformat(),
         "lines": [{**line, "quantity": 1}]},
        {**head, "sequence": 6, "occurred_at": now.isoformat(),
         "lines": [{**line, "quantity": 3}]},
    ]})  # fmt: skip
    assert [result["status"] for result in reply.json()["results"]] == ["posted"] * 2, reply.text
    sku_id = await running.owner.fetchval("select sku_id from catalog.item where sku = $1", sku)
    return f"location_id = {location_id} and sku_id = {sku_id}"


@asynccontextmanager
async def spoilt(owner: asyncpg.Connection, statement: str) -> AsyncIterator[None]:
    """The data after a statement, until the end of the block."""
    transaction = owner.transaction()
    await transaction.start()
    try:
        await owner.execute(statement)
        yield
    finally:
        await transaction.rollback()


def test_every_check_has_a_case_that_breaks_it() -> None:
    assert set(SPOILT) == set(SQL)


@pytest.mark.parametrize("name", sorted(SQL))
async def test_the_check_holds_on_sound_data_and_finds_each_way_to_break_it(
    name: str, world: dict[str, str], owner: asyncpg.Connection
) -> None:
    assert await owner.fetch(SQL[name]) == []
    for statement in SPOILT[name]:
        async with spoilt(owner, statement.format(**world)):
            assert await owner.fetch(SQL[name]), statement
    assert await owner.fetch(SQL[name]) == []


@pytest.mark.parametrize(("stored", "true"), [(9, 10), (10, 9), (9, 0), (0, 9)])
async def test_a_drifted_counter_of_reserved_units_is_found_a20(
    world: dict[str, str], owner: asyncpg.Connection, stored: int, true: int
) -> None:
    drift = (
        "update stock.stock_level set reserved = {}, unpicked = {} where {at};"
        " update stock.claim set quantity = {}, open_quantity = {} where holder_id = '{held}'"
    ).format(stored, stored, true, true, **world)
    async with spoilt(owner, drift):
        (row,) = await owner.fetch(SQL["reserved_equals_open_claims"])
    assert (row["reserved"], row["reserved_by_claims"] or 0) == (stored, true)


async def test_dropped_months_of_events_are_no_gap(
    world: dict[str, str], owner: asyncpg.Connection
) -> None:
    month = await owner.fetchval(
        "select to_char(min(applied_at) at time zone 'UTC', 'YYYYMM') from migrations.migration"
    )
    async with spoilt(owner, f"drop table events.event_{month}"):
        for name in ("events_are_gapless", "subjects_are_gapless", "changes_are_told"):
            assert await owner.fetch(SQL[name]) == [], name
    assert world


async def test_hylde_check_prints_what_is_broken_and_fails(
    world: dict[str, str],
    database: tuple[str, str],
    owner: asyncpg.Connection,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await cli.run(database[0]) == 0
    assert capsys.readouterr().out == ""
    change = "update stock.stock_level set change_count = change_count {} 1 where " + world["at"]
    await owner.execute(change.format("+"))
    try:
        assert await cli.run(database[0]) == 1
        broken = {found.name: found async for found in check_all(database[0]) if found.broken}
        counts = await count_violations(database[0])
    finally:
        await owner.execute(change.format("-"))
    shown = capsys.readouterr()
    assert "changes_are_told" in shown.out
    assert "The newest stock.changed of a level" in shown.out
    assert "1 of" in shown.err
    assert set(broken) == {"changes_are_told"}
    assert broken["changes_are_told"].rows[0]["subject"] == world["subject"]
    assert {name for name, count in counts.items() if count} == {"changes_are_told"}


async def test_the_checks_only_read(owner: asyncpg.Connection) -> None:
    async with owner.transaction(readonly=True):
        for text in SQL.values():
            await owner.fetch(text)


def test_the_folder_says_what_is_not_a_check() -> None:
    text = (Path(__file__).parents[2] / "sql" / "checks" / "README.md").read_text()
    assert "I7" in text
