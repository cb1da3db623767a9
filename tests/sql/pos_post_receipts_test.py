"""Every outcome of post_receipts and resolve_exception, at the functions themselves."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from service.pos.commands import PostReceipt
from service.pos.rules import asked, codes_of
from service.pos.types import Receipt
from service.web.route import new_id

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
World = Any  # the one of conftest


class Counter:
    """A till as SQL sees it: commands made as the route makes them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.terminal = f"{world.location}-1"

    async def make(self) -> "Counter":
        await self.world.connection.execute(
            "insert into pos.terminal (cell_id, terminal, epoch, location_id, changed_at)"
            " select 1, $1, 1, location_id, $3 from locations.location where location = $2",
            self.terminal,
            self.world.location,
            NOW,
        )
        return self

    def line(self, quantity: int, number: int = 1, **of: object) -> dict[str, Any]:
        return {"line": number, "sku": self.world.sku, "quantity": quantity, **of}

    def receipt(self, sequence: int, *lines: dict[str, Any], **of: object) -> dict[str, Any]:
        """A command; `asks` are its fields beside the receipt's."""
        asks = of.pop("asks", {})
        body = {
            "terminal": self.terminal,
            "sequence": sequence,
            "kind": "sale",
            "occurred_at": NOW - timedelta(minutes=1),
            "lines": list(lines),
            **of,
        }
        facts = asked(msgspec.convert(body, Receipt))
        command = PostReceipt(
            receipt_id=new_id(1),
            client_id=self.world.client_id,
            fingerprint=facts.fingerprint,
            terminals=facts.terminals,
            locations=None,
            backfill=False,
            review_quantity=10_000,
            review_ahead_seconds=600,
            review_age_seconds=604_800,
            lines=len(lines),
            codes=facts.codes,
            body=msgspec.Raw(facts.body),
        )
        return {**msgspec.json.decode(msgspec.json.encode(command)), **asks}  # type: ignore[dict-item]

    def void(self, sequence: int, of: int, **more: object) -> dict[str, Any]:
        voids = {"terminal": self.terminal, "sequence": of}
        return self.receipt(sequence, kind="void", voids=voids, **more)

    async def post(self, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        return await self.world.run("pos.post_receipts", *commands)  # type: ignore[no-any-return]

    async def codes(self, *commands: dict[str, Any]) -> list[str]:
        return [outcome["code"] for outcome in await self.post(*commands)]

    async def statuses(self) -> dict[int, str]:
        """How each kept receipt stands, by its number."""
        rows = await self.world.connection.fetch(
            "select sequence, status from pos.receipt where terminal = $1", self.terminal
        )
        return {row["sequence"]: row["status"] for row in rows}

    async def exceptions(self) -> list[tuple[str, int, str]]:
        """(kind, sequence, state) of what a person has to look at."""
        rows = await self.world.connection.fetch(
            "select kind, sequence, state from pos.exception where terminal = $1"
            " order by sequence, kind, line",
            self.terminal,
        )
        return [tuple(row) for row in rows]

    async def resolve(self, sequence: int, action: str = "accept", **of: object) -> dict[str, Any]:
        row = await self.world.connection.fetchrow(
            "select exception_id, body from pos.exception where terminal = $1 and sequence = $2",
            self.terminal,
            sequence,
        )
        (outcome,) = await self.world.run(
            "exceptions.resolve_exception",
            {
                "client_id": self.world.client_id,
                "key": f"{action}-{sequence}",
                "fingerprint": "f",
                "request_id": "r",
                "exception_id": str(row["exception_id"]),
                "action": action,
                "reason": None,
                "locations": None,
                "sku": None,
                "gtin": None,
                "codes": codes_of(json.loads(row["body"])),
                **of,
            },
        )
        return outcome  # type: ignore[no-any-return]


@pytest_asyncio.fixture
async def till(world: World) -> AsyncIterator[Counter]:
    yield await Counter(world).make()


async def test_a_cell_must_be_named(world: World) -> None:
    with pytest.raises(asyncpg.RaiseError, match="p_cell is null"):
        await world.connection.fetchval("select pos.post_receipts(null, '[]')")


async def test_a_lane_that_asks_again_gets_the_same_answer_and_nothing_moves(
    till: Counter,
) -> None:
    batch = [
        till.receipt(1, till.line(1)),
        till.receipt(2, till.line(2), till.line(1, 2, sku="nobody's")),
        till.receipt(3, till.line(10_000)),
        till.void(4, 1),
        till.void(5, 99),
        till.void(6, 4),
        till.receipt(1, till.line(7)),
        till.void(8, 9),
        till.receipt(9, till.line(1)),
    ]
    first = await till.post(*batch)
    assert [outcome["code"] for outcome in first] == [
        "posted",
        "partly_posted",
        "held_for_review",
        "posted",
        "parked",
        "conflict",
        "conflict",
        "parked",
        "posted",
    ]
    ledger, kept = await till.world.ledger(), await till.exceptions()
    again = await till.post(*batch)
    # the void that waited within its own batch has been posted since
    assert [o["code"] for o in again] == [
        o["code"] if n != 7 else "posted" for n, o in enumerate(first)
    ]
    assert [o["receipt_id"] for o in again] == [o["receipt_id"] for o in first]
    assert [o["problems"] for o in again] == [o["problems"] for o in first]
    assert await till.world.ledger() == ledger
    assert await till.exceptions() == kept


async def test_a_token_that_does_not_cover_the_place_takes_no_number(till: Counter) -> None:
    foreign = till.receipt(1, till.line(1), asks={"locations": ["elsewhere"]})
    assert await till.codes(foreign, till.receipt(1, till.line(1))) == [
        "forbidden_location",
        "posted",
    ]
    assert await till.codes(foreign) == ["forbidden_location"]


async def test_the_second_of_two_parked_voids_of_a_sale_is_a_conflict(till: Counter) -> None:
    assert await till.codes(till.void(2, 1), till.void(3, 1)) == ["parked", "parked"]
    assert await till.codes(till.receipt(1, till.line(4))) == ["posted"]
    assert await till.statuses() == {1: "voided", 2: "posted", 3: "conflict"}
    assert await till.exceptions() == [("parked", 2, "resolved"), ("conflict", 3, "open")]
    assert (await till.world.level())["sellable"] == 0


async def test_a_void_of_a_receipt_under_review_waits_for_the_person(till: Counter) -> None:
    assert await till.codes(till.receipt(1, till.line(10_000)), till.void(2, 1)) == [
        "held_for_review",
        "parked",
    ]
    assert (await till.resolve(1))["status"] == "posted"
    assert await till.statuses() == {1: "voided", 2: "posted"}
    assert (await till.world.level())["sellable"] == 0


async def test_an_accepted_void_does_what_a_void_does(till: Counter) -> None:
    await till.post(till.receipt(1, till.line(3)))
    late = till.void(2, 1, occurred_at=NOW - timedelta(days=30))
    assert await till.codes(late) == ["held_for_review"]
    assert (await till.world.level())["sellable"] == -3
    assert (await till.resolve(2))["status"] == "posted"
    assert await till.statuses() == {1: "voided", 2: "posted"}
    assert (await till.world.level())["sellable"] == 0


async def test_a_rejected_sale_makes_its_void_a_conflict(till: Counter) -> None:
    await till.post(till.receipt(1, till.line(10_000)))
    assert (await till.resolve(1, "reject"))["code"] == "rejected"
    assert (await till.resolve(1, "accept"))["code"] == "wrong_state"
    assert await till.codes(till.void(2, 1)) == ["conflict"]


async def test_what_is_not_here_or_elsewhere_cannot_be_resolved(till: Counter) -> None:
    await till.post(till.receipt(1, till.line(10_000)))
    assert (await till.resolve(1, locations=["elsewhere"]))["code"] == "not_found"
    assert (await till.resolve(1, exception_id=new_id(1)))["code"] == "idempotency_key_reused" or (
        await till.resolve(1, exception_id=new_id(1), key="other")
    )["code"] == "not_found"


async def test_a_void_of_unknown_lines_closes_their_exceptions(till: Counter) -> None:
    await till.post(till.receipt(1, till.line(2), till.line(1, 2, sku="nobody's")), till.void(2, 1))
    assert await till.exceptions() == [("unmapped", 1, "resolved")]
    assert (await till.world.level())["sellable"] == 0


async def test_a_voided_return_whose_goods_moved_on_is_taken_from_the_shelf(till: Counter) -> None:
    await till.post(till.receipt(1, till.line(-3), kind="return"))
    await till.world.results(till.world.entry("quarantine", "sellable", 2))
    assert await till.codes(till.void(2, 1)) == ["posted"]
    level = await till.world.level()
    assert level["sellable"] + level["quarantine"] == 0
    assert level["quarantine"] >= 0


async def test_a_pack_of_weighed_goods_is_as_heavy_as_its_units(till: Counter) -> None:
    await till.world.connection.execute(
        "update catalog.item set unit = 'g', scale = 500 where sku = $1", till.world.sku
    )
    for gtin, factor in (("00000000000017", 1), ("00000000000024", 6)):
        await till.world.connection.execute("delete from catalog.barcode where gtin = $1", gtin)
        await till.world.connection.execute(
            "insert into catalog.barcode select $1, sku_id, $2 from catalog.item where sku = $3",
            gtin,
            factor,
            till.world.sku,
        )
    await till.post(
        till.receipt(1, {"line": 1, "gtin": "00000000000017", "quantity": 750}),
        till.receipt(2, {"line": 1, "gtin": "00000000000024", "quantity": 2}),
    )
    assert [quantity for _, _, quantity, _ in await till.world.ledger()] == [750, 6000]
    # review counts sales units: 9,999 of 500 g each are let through
    large = till.receipt(3, till.line(500 * 10_000))
    assert await till.codes(large, till.receipt(4, till.line(500 * 9_999))) == [
        "held_for_review",
        "posted",
    ]


async def test_a_returned_line_of_another_item_is_not_that_sale(till: Counter) -> None:
    await till.world.item(other := till.world.sku + "x")
    ref = {"terminal": till.terminal, "sequence": 1, "line": 1}
    outcomes = await till.post(
        till.receipt(1, till.line(2)),
        till.receipt(2, till.line(-1, sku=other, sale=ref), kind="return"),
        till.receipt(3, till.line(-1, sale={"order": "H7K2-93QD", "line": 1}), kind="return"),
    )
    assert [[p["code"] for p in outcome["problems"]] for outcome in outcomes] == [
        [],
        ["sale_not_found"],
        ["sale_not_found"],
    ]


async def test_a_return_of_a_voided_sale_is_beyond_what_was_sold(till: Counter) -> None:
    ref = {"terminal": till.terminal, "sequence": 1, "line": 1}
    await till.post(till.receipt(1, till.line(2)), till.void(2, 1))
    (outcome,) = await till.post(till.receipt(3, till.line(-1, sale=ref), kind="return"))
    assert [problem["code"] for problem in outcome["problems"]] == ["over_return"]
    assert (await till.world.level())["quarantine"] == 1
