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
from tests.sql.broken_core import SPOILT as CORE
from tests.sql.broken_counts import SPOILT as COUNTS
from tests.sql.broken_counts import posted_count
from tests.sql.broken_exceptions import SPOILT as EXCEPTIONS
from tests.sql.broken_exceptions import open_matters
from tests.sql.broken_transfers import SPOILT as TRANSFERS
from tests.sql.broken_transfers import sent_transfer

SQL = dict(check_texts())
# check -> statements, each of which breaks it; {names} are of the world below
SPOILT = {**CORE, **COUNTS, **EXCEPTIONS, **TRANSFERS}


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
    matters = await open_matters(running)
    return {
        "at": at,
        "odd": odd,
        "sku": sku,
        "gtin": gtin,
        "held": held,
        "subject": subject,
        **receipts,
        **matters,
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
