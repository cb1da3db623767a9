"""Returns before their sale, voids before theirs: any order of arrival ends the same (I11, I14)."""

from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any

import pytest
import pytest_asyncio

from tests.sql.exceptions_world import Shop, minutes


@pytest_asyncio.fixture
async def shop(world: Any) -> AsyncIterator[Shop]:
    made = Shop(world)
    await made.make()
    yield made
    await made.sound()


def back(shop: Shop, sequence: int, quantity: int, **of: Any) -> dict[str, Any]:
    """A return of so many units of receipt 1's first line."""
    ref = {"terminal": f"{shop.world.location}-1", "sequence": 1, "line": 1}
    line = shop.line(-quantity, sale=ref, resaleable=of.pop("resaleable", True))
    return shop.receipt(sequence, line, kind="return", **of)


async def state(shop: Shop) -> dict[str, Any]:
    """What any order of arrival must end in."""
    connection = shop.world.connection
    lines = await connection.fetch(
        "select r.sequence, s.line, s.quantity, s.returned, s.voided from sales.sale_line s"
        " join pos.receipt r on r.receipt_id = s.document_id where r.location_id = $1"
        " order by r.terminal, r.sequence, s.line",
        (await shop.ids())[0],
    )
    returns = await connection.fetch(
        "select r.terminal, r.sequence, v.quantity, v.surplus, v.voided"
        " from sales.return_line v join pos.receipt r on r.receipt_id = v.document_id"
        " where r.location_id = $1 and not v.voided order by r.terminal, r.sequence, v.line",
        (await shop.ids())[0],
    )
    return {
        "book": await shop.book(),
        "frozen": (await shop.world.level()).get("frozen_reason"),
        "sales": [tuple(row) for row in lines],
        "returns": [tuple(row) for row in returns],
        "open": [
            (kind, found["terminal"], found["sequence"], found["quantity"])
            for kind in ("over_return", "parked", "conflict", "unmapped")
            for found in await shop.open(kind)
        ],
        "statuses": await shop.statuses(),
    }


async def ends(shop: Shop, receipts: list[dict[str, Any]]) -> dict[str, Any]:
    """The end of every order of arrival, which is one."""

    async def arrive(order: tuple[dict[str, Any], ...]) -> dict[str, Any]:
        for receipt in order:
            await shop.say(receipt)
        await shop.sound()
        return await state(shop)

    first: dict[str, Any] = await shop.aside(lambda: arrive(tuple(receipts)))
    for order in permutations(receipts):
        found = await shop.aside(lambda order=order: arrive(order))  # type: ignore[misc]
        assert found == first, [receipt["body"]["sequence"] for receipt in order]
    return first


async def test_a_return_that_came_before_its_sale_is_linked_when_it_comes(shop: Shop) -> None:
    assert await shop.say(back(shop, 2, 2)) == ["posted"]
    assert await shop.book() == (0, 2)
    await shop.say(shop.receipt(1, shop.line(3)))
    assert await shop.book() == (-1, 0)
    assert (await state(shop))["sales"] == [(1, 1, 3, 2, False)]
    problems = await shop.value(
        "select problems from pos.receipt where terminal = $1 and sequence = 2", shop.terminal
    )
    assert problems == "[]"


async def test_a_return_that_is_not_resaleable_stays_in_quarantine(shop: Shop) -> None:
    await shop.say(back(shop, 2, 2, resaleable=False))
    await shop.say(shop.receipt(1, shop.line(3)))
    assert await shop.book() == (-3, 2)
    assert (await state(shop))["returns"] == [(shop.terminal, 2, 2, 0, False)]


async def test_any_order_of_a_sale_and_more_returns_than_it_sold_ends_the_same(shop: Shop) -> None:
    await shop.stock(10)
    receipts = [
        shop.receipt(1, shop.line(3), occurred_at=minutes(-9)),
        back(shop, 2, 2, occurred_at=minutes(-8)),
        back(shop, 3, 2, resaleable=False, occurred_at=minutes(-7)),
        back(shop, 4, 1, occurred_at=minutes(-6)),
    ]
    end = await ends(shop, receipts)
    assert end["book"] == (9, 3)
    assert [(found[2], found[3]) for found in end["open"]] == [(3, 1), (4, 1)]


async def test_any_order_with_voids_of_the_sale_or_of_a_return_ends_the_same(shop: Shop) -> None:
    await shop.stock(10)
    sale = shop.receipt(1, shop.line(3), occurred_at=minutes(-9))
    first = back(shop, 2, 2, occurred_at=minutes(-8))
    second = back(shop, 3, 2, occurred_at=minutes(-7))
    voided_return = await ends(
        shop, [sale, first, second, shop.void(4, 2, occurred_at=minutes(-5))]
    )
    assert voided_return["book"] == (9, 0)
    assert voided_return["open"] == []
    voided_sale = await ends(shop, [sale, first, second, shop.void(4, 1, occurred_at=minutes(-5))])
    assert voided_sale["book"] == (10, 4)
    assert [found[3] for found in voided_sale["open"]] == [2, 2]


async def test_returns_at_two_tills_and_in_one_batch_end_the_same(shop: Shop) -> None:
    await shop.stock(10)
    other = await shop.beside()
    sale = shop.receipt(1, shop.line(3), occurred_at=minutes(-9))
    mine = back(shop, 2, 2, occurred_at=minutes(-7))
    theirs = back(other, 1, 2, occurred_at=minutes(-8))
    one_by_one = await ends(shop, [sale, mine, theirs])

    async def at_once() -> dict[str, Any]:
        await shop.say(mine, theirs, sale)
        return await state(shop)

    assert await shop.aside(at_once) == one_by_one
    assert one_by_one["returns"][0][2:4] == (1, 1)
    assert one_by_one["returns"][1][2:4] == (2, 0)


async def test_a_return_waits_for_a_sale_that_review_holds(shop: Shop) -> None:
    await shop.say(shop.receipt(1, shop.line(10_000)), back(shop, 2, 1))
    assert await shop.book() == (0, 1)
    (held,) = await shop.open("held_for_review")
    await shop.settle(held, "accept")
    assert await shop.book() == (-9_999, 0)


async def test_a_return_of_another_item_is_not_linked(shop: Shop) -> None:
    other = f"{shop.world.sku}-b"
    await shop.world.item(other)
    await shop.say(back(shop, 2, 1))
    await shop.say(shop.receipt(1, shop.line(3, sku=other)))
    assert await shop.book() == (0, 1)


async def test_units_that_left_quarantine_meanwhile_are_not_moved_again(shop: Shop) -> None:
    await shop.say(back(shop, 2, 2))
    gone = shop.world.entry("quarantine", "scrap", 1)
    (result,) = await shop.world.results(gone)
    assert result["status"] == "posted"
    await shop.say(shop.receipt(1, shop.line(3)))
    assert await shop.book() == (-2, 0)
    assert (await state(shop))["sales"] == [(1, 1, 3, 2, False)]


@pytest.mark.parametrize("together", [True, False])
async def test_a_sale_whose_void_came_first_never_shows_nor_freezes_story_9c(
    shop: Shop, *, together: bool
) -> None:
    void, sale = shop.void(2, 1), shop.receipt(1, shop.line(3))
    if together:
        assert await shop.say(void, sale) == ["parked", "posted"]
    else:
        assert await shop.say(void) == ["parked"]
        assert await shop.say(sale) == ["posted"]
    level = await shop.world.level()
    assert (level["sellable"], level["frozen_reason"]) == (0, None)
    types = await shop.value(
        "select array_agg(distinct type) from events.event where subject = $1",
        f"stock/{shop.world.location}/{shop.world.sku}",
    )
    assert types == ["stock.changed"]
    assert not await shop.value(
        "select exists (select 1 from stock.count_task t join catalog.item i using (sku_id)"
        " where i.sku = $1)",
        shop.world.sku,
    )
    assert [row[3] for row in await shop.world.ledger()] == ["sale", "void"]


async def test_what_came_back_beyond_what_was_sold_stays_or_is_handed_back(shop: Shop) -> None:
    await shop.say(shop.receipt(1, shop.line(1)))
    await shop.say(back(shop, 2, 2), back(shop, 3, 1))
    kept, handed = await shop.open("over_return")
    assert (await shop.settle(kept, "map"))["code"] == "wrong_state"
    assert (await shop.settle(kept, "accept"))["code"] == "accepted"
    assert await shop.book() == (0, 2)
    assert (await shop.settle(handed, "reject"))["code"] == "rejected"
    assert await shop.book() == (0, 1)
    # decided is decided, whatever comes later
    await shop.say(shop.void(4, 1))
    assert await shop.book() == (1, 1)
    await shop.say(shop.void(5, 3))
    assert await shop.book() == (1, 1)


async def test_what_is_not_in_quarantine_any_more_cannot_be_handed_back(shop: Shop) -> None:
    await shop.say(shop.receipt(1, shop.line(1)))
    await shop.say(back(shop, 2, 2))
    await shop.world.results(shop.world.entry("quarantine", "scrap", 1))
    (found,) = await shop.open("over_return")
    refused = await shop.settle(found, "reject")
    assert (refused["code"], "accept" in refused["detail"]) == ("wrong_state", True)
