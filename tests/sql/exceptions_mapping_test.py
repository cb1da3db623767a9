"""Lines that nobody knew, and what becomes of them once somebody does (domain §1.5, story 15)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from tests.sql.exceptions_world import NOW, Shop, fresh_gtin

MONDAY = datetime(2026, 11, 16, 11, 0, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
WEDNESDAY = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def shop(world: Any) -> AsyncIterator[Shop]:
    made = Shop(world)
    await made.make()
    yield made
    await made.sound()


def unknown(gtin: str, quantity: int, number: int = 1) -> dict[str, Any]:
    return {"line": number, "gtin": gtin, "quantity": quantity}


async def test_an_unknown_barcode_counted_before_it_is_mapped_story_15(shop: Shop) -> None:
    gtin = fresh_gtin()
    await shop.stock(6, at=MONDAY - timedelta(days=1))
    sold = shop.receipt(1, unknown(gtin, 2), occurred_at=MONDAY)
    assert await shop.say(sold, at=MONDAY) == ["partly_posted"]
    await shop.count(4, TUESDAY)
    assert (await shop.book(), await shop.account("shrink")) == ((4, 0), 2)
    await shop.know(gtin)
    assert await shop.replay(at=WEDNESDAY) == 1
    assert (await shop.book(), await shop.account("shrink")) == ((4, 0), 0)
    assert await shop.statuses() == {1: "posted"}
    entry = await shop.world.connection.fetchrow(
        "select e.occurred_at, e.recorded_at from stock.ledger_entry e"
        " join pos.receipt r on r.receipt_id = e.document_id where r.terminal = $1",
        shop.terminal,
    )
    assert tuple(entry) == (MONDAY, WEDNESDAY)
    line = await shop.value(
        "select s.sold_at from sales.sale_line s join pos.receipt r"
        " on r.receipt_id = s.document_id where r.terminal = $1",
        shop.terminal,
    )
    assert line == MONDAY


async def test_a_replayed_line_is_told_and_posted_once(shop: Shop) -> None:
    gtin = fresh_gtin()
    await shop.say(shop.receipt(1, unknown(gtin, 2)))
    (waiting,) = await shop.open("unmapped")
    assert (waiting["code"], waiting["sku"]) == (gtin.rjust(14, "0"), None)
    assert await shop.replay() == 0
    await shop.know(gtin)
    assert (await shop.replay(), await shop.replay()) == (1, 0)
    assert await shop.book() == (-2, 0)
    types = await shop.value(
        "select array_agg(e.type order by e.subject_sequence) from events.event e"
        " join pos.receipt r on e.subject = 'receipt/' || r.receipt_id where r.terminal = $1",
        shop.terminal,
    )
    assert types == ["pos.posted", "pos.line_unmapped", "pos.replayed"]
    resolution = await shop.value(
        "select resolution ->> 'action' from pos.exception where exception_id = $1",
        waiting["exception_id"],
    )
    assert resolution == "mapped"


async def test_a_pack_counts_by_its_factor(shop: Shop) -> None:
    gtin = fresh_gtin()
    await shop.say(shop.receipt(1, unknown(gtin, 2)))
    await shop.know(gtin, factor=6)
    assert await shop.replay() == 1
    assert await shop.book() == (-12, 0)


async def test_a_receipt_stays_partly_posted_until_its_last_line_is_known(shop: Shop) -> None:
    one, other = fresh_gtin(), fresh_gtin()
    lines = [unknown(one, 1), unknown(other, 3, 2), shop.line(1, 3)]
    assert await shop.say(shop.receipt(1, *lines)) == ["partly_posted"]
    await shop.know(other)
    assert await shop.replay() == 1
    assert await shop.statuses() == {1: "partly_posted"}
    await shop.know(one)
    assert await shop.replay() == 1
    assert await shop.statuses() == {1: "posted"}
    assert await shop.book() == (-5, 0)
    assert await shop.value(
        "select problems = '[]' from pos.receipt where terminal = $1", shop.terminal
    )


async def test_an_item_that_is_made_later_is_known_too(shop: Shop) -> None:
    sku = f"{shop.world.sku}-new"
    assert await shop.say(shop.receipt(1, shop.line(2, sku=sku))) == ["partly_posted"]
    await shop.world.item(sku)
    assert await shop.replay() == 1
    assert await shop.statuses() == {1: "posted"}
    place, item = await shop.ids(sku)
    sellable = await shop.value(
        "select sellable from stock.stock_level where location_id = $1 and sku_id = $2", place, item
    )
    assert sellable == -2


async def test_a_line_with_a_code_and_an_item_number_waits_for_either(shop: Shop) -> None:
    sku = f"{shop.world.sku}-new"
    both = {"line": 1, "gtin": fresh_gtin(), "sku": sku, "quantity": 2}
    assert await shop.say(shop.receipt(1, both)) == ["partly_posted"]
    await shop.world.item(sku)
    assert await shop.replay() == 1
    assert await shop.statuses() == {1: "posted"}


async def test_a_voided_receipt_is_replayed_never(shop: Shop) -> None:
    gtin = fresh_gtin()
    await shop.say(shop.receipt(1, unknown(gtin, 2)), shop.void(2, 1))
    await shop.know(gtin)
    assert await shop.replay() == 0
    assert await shop.book() == (0, 0)


async def test_a_return_of_a_line_that_was_unknown_finds_it_when_it_is_known(shop: Shop) -> None:
    gtin = fresh_gtin()
    ref = {"terminal": shop.terminal, "sequence": 1, "line": 1}
    back = shop.line(-1, sale=ref, resaleable=True)
    await shop.say(shop.receipt(1, unknown(gtin, 2)), shop.receipt(2, back))
    assert await shop.book() == (0, 1)
    await shop.know(gtin)
    await shop.replay()
    assert await shop.book() == (-1, 0)


async def test_many_lines_of_one_code_are_posted_in_steps(shop: Shop) -> None:
    gtin = fresh_gtin()
    for start in (1, 101):
        await shop.say(*(shop.receipt(n, unknown(gtin, 1)) for n in range(start, start + 80)))
    await shop.know(gtin)
    ask = {"after": None, "most": 100}
    done = [(await shop.world.run("exceptions.replay_mapped", ask))[0]["lines"] for _ in range(3)]
    assert done == [100, 60, 0]
    assert await shop.book() == (-160, 0)


async def test_units_that_became_known_are_unknown_no_more(shop: Shop) -> None:
    gtin = fresh_gtin()
    await shop.say(shop.receipt(1, unknown(gtin, 2), shop.line(3, 2)))
    state = "select doubtful from stock.place_sync where location_id = $1"
    place, _ = await shop.ids()
    days = "select units, unmapped_units from pos.terminal_day where terminal = $1"
    assert tuple(await shop.world.connection.fetchrow(days, shop.terminal)) == (5, 2)
    assert await shop.value(state, place)
    await shop.know(gtin, factor=6)
    await shop.replay()
    assert tuple(await shop.world.connection.fetchrow(days, shop.terminal)) == (15, 0)
    assert not await shop.value(state, place)


async def test_a_person_maps_a_barcode_and_all_its_lines_are_posted(shop: Shop) -> None:
    gtin = fresh_gtin()
    other = await shop.beside()
    await shop.say(shop.receipt(1, unknown(gtin, 1)))
    await other.say(other.receipt(1, unknown(gtin, 2)))
    found = (await shop.open("unmapped"))[0]
    outcome = await shop.settle(found, "map", shop.world.sku)
    assert (outcome["code"], outcome["status"]) == ("mapped", "posted")
    assert await shop.book() == (-3, 0)
    assert await shop.open("unmapped") == []
    assert await shop.say(shop.receipt(2, unknown(gtin, 1))) == ["posted"]


async def test_what_is_no_barcode_is_mapped_for_the_lines_that_wait(shop: Shop) -> None:
    await shop.say(shop.receipt(1, unknown("PLU 4011", 1)))
    await shop.say(shop.receipt(2, shop.line(2, sku="old-number")))
    for found in await shop.open("unmapped"):
        assert (await shop.settle(found, "map", shop.world.sku))["code"] == "mapped"
    assert await shop.book() == (-3, 0)
    assert await shop.say(shop.receipt(3, unknown("PLU 4011", 1))) == ["partly_posted"]


async def test_a_mapping_that_cannot_be_is_refused_and_says_why(shop: Shop) -> None:
    gtin = fresh_gtin()
    await shop.world.item(f"{shop.world.sku}-b")
    await shop.say(shop.receipt(1, unknown(gtin, 1)))
    (found,) = await shop.open("unmapped")
    assert (await shop.settle(found, "map"))["code"] == "invalid_value"
    assert (await shop.settle(found, "map", "nobody's"))["code"] == "unknown_sku"
    await shop.know(gtin, sku=f"{shop.world.sku}-b")
    refused = await shop.settle(found, "map", shop.world.sku)
    assert refused["code"] == "gtin_taken"
    assert f"{shop.world.sku}-b" in refused["detail"]
    assert (await shop.settle(found, "accept"))["code"] == "wrong_state"


async def test_a_line_that_is_rejected_stays_out_and_its_receipt_is_done(shop: Shop) -> None:
    gtin = fresh_gtin()
    await shop.say(shop.receipt(1, unknown(gtin, 1), shop.line(1, 2)))
    (found,) = await shop.open("unmapped")
    outcome = await shop.settle(found, "reject")
    assert (outcome["code"], outcome["status"]) == ("rejected", "posted")
    await shop.know(gtin)
    assert await shop.replay() == 0
    assert await shop.book() == (-1, 0)
    assert await shop.value(
        "select unmapped_units = 0 from pos.terminal_day where terminal = $1", shop.terminal
    )


async def test_what_review_held_waits_for_its_item_after_it_is_accepted(shop: Shop) -> None:
    gtin = fresh_gtin()
    at = NOW - timedelta(days=30)
    await shop.say(shop.receipt(1, unknown(gtin, 2), occurred_at=at))
    (held,) = await shop.open("held_for_review")
    assert (await shop.settle(held, "accept"))["status"] == "partly_posted"
    days = "select receipts, units, unmapped_units from pos.terminal_day where terminal = $1"
    assert tuple(await shop.world.connection.fetchrow(days, shop.terminal)) == (1, 2, 2)
    await shop.know(gtin)
    assert await shop.replay() == 1
    assert tuple(await shop.world.connection.fetchrow(days, shop.terminal)) == (1, 2, 0)
    assert at == await shop.value(
        "select e.occurred_at from stock.ledger_entry e join pos.receipt r"
        " on r.receipt_id = e.document_id where r.terminal = $1",
        shop.terminal,
    )
