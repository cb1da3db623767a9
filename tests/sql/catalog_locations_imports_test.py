"""Every outcome of put_location, put_item and import_levels, at the functions themselves."""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
Decide = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest_asyncio.fixture
async def inside(database: tuple[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """A connection in a transaction that is rolled back."""
    connection = await asyncpg.connect(database[0])
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.fixture
def decide(inside: asyncpg.Connection) -> Decide:
    async def ask(
        function: str, *commands: dict[str, Any], at: datetime = NOW, cell: int | None = 1
    ) -> list[dict[str, Any]]:
        text = await inside.fetchval(
            f"select {function}($1, $2::jsonb, $3)", cell, json.dumps(commands), at
        )
        found: list[dict[str, Any]] = json.loads(text)
        return found

    return ask


def header(**of: object) -> dict[str, Any]:
    base = {"client_id": 1, "key": secrets.token_hex(8), "fingerprint": "f", "request_id": "r"}
    return {**base, **of}


def place(code: str, **of: object) -> dict[str, Any]:
    base = {
        "location": code,
        "cell": None,
        "expected_version": None,
        "name": "Aarhus",
        "kind": "store",
        "state": "open",
        "country": "DK",
        "region": None,
        "time_zone": "Europe/Copenhagen",
        "latitude": 56.15,
        "longitude": 10.21,
        "gln": None,
        "opening_hours": {"mon": [["10:00", "18:00"]]},
        "closures": [],
        "pickup": {"enabled": False},
        "safety_stock": 1,
    }
    return {**header(), **base, **of}


def item(sku: str, *codes: tuple[str, int], **of: object) -> dict[str, Any]:
    base = {
        "sku": sku,
        "expected_version": None,
        "name": "Wool throw",
        "codes": [{"gtin": gtin, "factor": factor} for gtin, factor in codes],
        "category": None,
        "brand": None,
        "collection": None,
        "image_urls": [],
        "price": None,
        "currency": None,
        "stock_tracked": True,
        "unit": "piece",
        "scale": 1,
        "safety_stock": None,
    }
    return {**header(), **base, **of}


def chunk(*lines: tuple[str, str, int], **of: object) -> dict[str, Any]:
    found = [{"location": p, "sku": s, "sellable": n, "reason": None} for p, s, n in lines]
    document = "01a200ca-624a-7021-9636-abeb92ae0001"
    return {**header(), "document_id": document, "lines": found, **of}


def codes_of(outcomes: list[dict[str, Any]]) -> list[str]:
    return [outcome["code"] for outcome in outcomes]


def code() -> str:
    return f"l{secrets.token_hex(6)}"


def gtin() -> str:
    return str(secrets.randbelow(10**14)).zfill(14)


FUNCTIONS = {
    "locations.put_location": lambda: place(code()),
    "catalog.put_item": lambda: item(code(), (gtin(), 1)),
    "imports.import_levels": lambda: chunk(("nowhere", "nothing", 1)),
}


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_a_function_refuses_to_run_without_a_cell(decide: Decide, function: str):
    with pytest.raises(asyncpg.RaiseError, match="p_cell is null"):
        await decide(function, FUNCTIONS[function](), cell=None)


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_a_key_is_decided_once_whether_it_comes_again_or_twice(decide: Decide, function: str):
    command = FUNCTIONS[function]()
    first, twin = await decide(function, command, command)
    (again,) = await decide(function, command, at=NOW + timedelta(minutes=1))
    assert "replayed" not in first
    assert twin == again == {**first, "replayed": True}
    other = {**command, "fingerprint": "another request"}
    assert codes_of(await decide(function, other)) == ["idempotency_key_reused"]
    fresh = FUNCTIONS[function]()
    changed = {**fresh, "fingerprint": "another request"}
    assert codes_of(await decide(function, fresh, changed))[1] == "idempotency_key_reused"


async def test_the_commands_of_a_batch_see_what_those_before_them_did(decide: Decide):
    a, b = code(), code()
    outcomes = await decide(
        "locations.put_location",
        place(a),
        place(b, expected_version=0),
        place(a),
        place(a, name="Odense"),
        place(a, name="Aalborg", expected_version=1),
        place(a, name="Aalborg", expected_version=2),
        place(b, expected_version=0),
        place(b, cell=2),
        place(code(), expected_version=3),
    )
    assert codes_of(outcomes) == [
        "created",
        "created",
        "unchanged",
        "updated",
        "precondition_failed",
        "updated",
        "precondition_failed",
        "cell_is_fixed",
        "precondition_failed",
    ]
    assert [outcome.get("version") for outcome in outcomes[:6]] == [1, 1, 1, 2, None, 3]
    assert outcomes[7]["cell"] == 1


async def test_a_place_is_changed_from_its_own_cell_only(
    inside: asyncpg.Connection, decide: Decide
):
    a = code()
    assert (await decide("locations.put_location", place(a), cell=3))[0]["cell"] == 3
    outcomes = await decide("locations.put_location", place(a, name="Elsewhere"), cell=1)
    assert outcomes == [{"code": "cell_is_fixed", "cell": 3}]
    assert await inside.fetchval("select count(*) from events.cell_state where cell_id = 3") == 1


async def test_two_changes_of_one_batch_number_their_events_in_order(
    inside: asyncpg.Connection, decide: Decide
):
    a = code()
    await decide(
        "locations.put_location",
        place(a),
        place(a, opening_hours={}),
        place(a, opening_hours={}, time_zone="Europe/Oslo", state="closed"),
    )
    rows = await inside.fetch(
        "select type, subject_sequence, data from events.event where subject = $1"
        " order by sequence",
        f"location/{a}",
    )
    assert [(row[0], row[1]) for row in rows] == [
        ("location.hours_changed", 1),
        ("location.hours_changed", 2),
        ("location.closed", 3),
    ]
    assert json.loads(rows[1][2])["before"]["time_zone"] == "Europe/Copenhagen"


async def test_barcodes_move_between_items_in_the_order_of_the_batch(decide: Decide):
    a, b, first, second = code(), code(), gtin(), gtin()
    outcomes = await decide(
        "catalog.put_item",
        item(a, (first, 1), (second, 6)),
        item(b, (first, 1)),
        item(a, (second, 6)),
        item(b, (first, 1)),
        item(b, (first, 1)),
        item(b, (first, 4)),
        item(b, expected_version=1),
        item(b, expected_version=2),
        item(b, expected_version=0),
        item(a, (second, 6), (first, 1), name="Both"),
    )
    assert codes_of(outcomes) == [
        "created",
        "gtin_taken",
        "updated",
        "created",
        "unchanged",
        "updated",
        "precondition_failed",
        "updated",
        "precondition_failed",
        "updated",
    ]
    assert (outcomes[1]["gtin"], outcomes[1]["sku"]) == (first, a)


async def test_an_import_speaks_of_every_line_and_posts_only_what_differs(
    inside: asyncpg.Connection, decide: Decide
):
    a, k, never = code(), code(), code()
    await decide("locations.put_location", place(a))
    await decide("catalog.put_item", item(k), item(never, stock_tracked=False))
    (outcome,) = await decide(
        "imports.import_levels",
        chunk((a, k, 5), (a, k, 5), (a, k, 2), (a, "?", 1), ("?", k, 1), (a, never, 1)),
    )
    assert outcome["results"] == [
        "accepted",
        "unchanged",
        "accepted",
        "unknown_sku",
        "unknown_location",
        "not_stock_tracked",
    ]
    rows = await inside.fetch(
        "select e.kind, e.quantity from stock.ledger_entry e join catalog.item i using (sku_id)"
        " where i.sku = $1 order by e.ledger_sequence",
        k,
    )
    assert [tuple(row) for row in rows] == [("opening", 5), ("count", 3)]


async def test_chunks_of_one_batch_are_decided_in_order(inside: asyncpg.Connection, decide: Decide):
    a, k = code(), code()
    await decide("locations.put_location", place(a))
    await decide("catalog.put_item", item(k))
    known = chunk((a, k, 9))
    await decide("imports.import_levels", known)
    outcomes = await decide(
        "imports.import_levels", chunk((a, k, 5)), known, chunk((a, k, 5)), chunk((a, k, 8))
    )
    words = [outcome["results"] for outcome in outcomes]
    assert words == [["accepted"], ["accepted"], ["unchanged"], ["accepted"]]
    assert outcomes[1]["replayed"] is True
    sellable = await inside.fetchval(
        "select s.sellable from stock.stock_level s join catalog.item i using (sku_id)"
        " where i.sku = $1",
        k,
    )
    assert sellable == 8


async def test_an_import_where_nothing_differs_makes_no_event(
    inside: asyncpg.Connection, decide: Decide
):
    a, k = code(), code()
    await decide("locations.put_location", place(a))
    await decide("catalog.put_item", item(k))
    await decide("imports.import_levels", chunk((a, k, 5)))
    before = await inside.fetchval("select sum(sequence) from events.cell_state")
    later = NOW + timedelta(hours=1)
    await decide("imports.import_levels", chunk((a, k, 5)), at=later)
    assert await inside.fetchval("select sum(sequence) from events.cell_state") == before
    counted = await inside.fetchval(
        "select s.last_counted_at from stock.stock_level s join catalog.item i using (sku_id)"
        " where i.sku = $1",
        k,
    )
    assert counted == later
