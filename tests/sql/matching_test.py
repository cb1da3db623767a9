"""A handover and a till sale of the same goods: one unit, or a question (domain §2.8, story 12)."""

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


def sale(shop: Shop, sequence: int, at: float, quantity: int = 1, **of: Any) -> dict[str, Any]:
    return shop.receipt(sequence, shop.line(quantity), occurred_at=minutes(at), **of)


async def counted(shop: Shop) -> int:
    """Units that the till's sale lines count."""
    found: int = await shop.value(
        "select coalesce(sum(s.quantity), 0)::int from sales.sale_line s"
        " join pos.receipt r on r.receipt_id = s.document_id"
        " where r.location_id = $1 and not s.voided",
        (await shop.ids())[0],
    )
    return found


async def matched(shop: Shop) -> list[tuple[str, int]]:
    """The ledger's movements of matches: (from, quantity)."""
    return [(row[0], row[2]) for row in await shop.world.ledger() if "matched" in row[3]]


async def mark(shop: Shop, at: float) -> int:
    (outcome,) = await shop.world.run("exceptions.mark_unmatched", {"most": 10}, at=minutes(at))
    return outcome["handovers"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("first", ["handover", "sale"])
async def test_goods_handed_over_and_rung_without_a_reference_are_one_unit_story_12(
    shop: Shop, first: str
) -> None:
    await shop.stock(4)
    if first == "handover":
        await shop.hand_over(1, minutes(0))
        await shop.say(sale(shop, 1, 2), at=minutes(3))
    else:
        await shop.say(sale(shop, 1, 2), at=minutes(3))
        assert await shop.book() == (3, 0)
        await shop.hand_over(1, minutes(0), at=minutes(4))
    assert await shop.book() == (4, 0)
    assert (await shop.handovers(), await counted(shop)) == (["matched"], 0)
    assert await matched(shop) == [("customer", 1)]
    assert await shop.open("match") == []


async def test_a_sale_that_is_matched_as_it_comes_never_shows(shop: Shop) -> None:
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 1), at=minutes(1))
    level = await shop.world.level()
    assert (level["sellable"], level["frozen_reason"]) == (0, None)


@pytest.mark.parametrize(
    ("away", "state"), [(-60, "matched"), (60, "matched"), (-61, "waiting"), (61, "waiting")]
)
async def test_the_window_is_an_hour_either_way(shop: Shop, away: int, state: str) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, away), at=minutes(62))
    assert await shop.handovers() == [state]
    assert (await shop.book())[0] == (4 if state == "matched" else 3)


@pytest.mark.parametrize(
    "other", [{"quantity": 2}, {"order": "11111111-1111-4111-8111-111111111111"}, {"order": "H7K2"}]
)
async def test_another_quantity_or_a_sale_for_an_order_is_no_candidate(
    shop: Shop, other: dict[str, Any]
) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 1, **other), at=minutes(2))
    assert await shop.handovers() == ["waiting"]


async def test_a_second_sale_undoes_the_match_and_both_are_a_question(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 2), at=minutes(3))
    await shop.say(sale(shop, 2, 5), at=minutes(6))
    assert (await shop.book(), await counted(shop)) == ((2, 0), 2)
    assert await shop.handovers() == ["ambiguous"]
    assert [(found["terminal"] == "", found["sequence"]) for found in await shop.open("match")] == [
        (True, 0),
        (False, 1),
        (False, 2),
    ]


async def test_a_second_handover_undoes_the_match_too(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 2), at=minutes(3))
    await shop.hand_over(1, minutes(30))
    assert (await shop.book(), await counted(shop)) == ((3, 0), 1)
    assert await shop.handovers() == ["ambiguous", "ambiguous"]
    assert len(await shop.open("match")) == 3


async def test_any_order_of_sales_handovers_and_voids_ends_the_same(shop: Shop) -> None:
    await shop.stock(9)

    async def end(order: tuple[str, ...]) -> Any:
        steps = {
            "handover": lambda: shop.hand_over(1, minutes(0), at=minutes(70)),
            "second": lambda: shop.hand_over(1, minutes(50), at=minutes(70)),
            "sale": lambda: shop.say(sale(shop, 1, 2), at=minutes(70)),
            "other": lambda: shop.say(sale(shop, 2, -30), at=minutes(70)),
            "void": lambda: shop.say(shop.void(3, 2, occurred_at=minutes(9)), at=minutes(70)),
        }
        for name in order:
            await steps[name]()
        await shop.sound()
        open_ones = [(x["terminal"], x["sequence"]) for x in await shop.open("match")]
        return await shop.book(), await counted(shop), await shop.handovers(), open_ones

    for names in (("handover", "sale", "other", "void"), ("handover", "second", "sale", "other")):
        ended = {
            str(await shop.aside(lambda order=order: end(order)))  # type: ignore[misc]
            for order in permutations(names)
        }
        assert len(ended) == 1, ended


async def test_a_voided_match_waits_again_and_takes_nothing_back_twice(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 2), at=minutes(3))
    await shop.say(shop.void(2, 1, occurred_at=minutes(5)), at=minutes(6))
    assert (await shop.book(), await shop.handovers()) == ((4, 0), ["waiting"])
    await shop.say(sale(shop, 3, 8), at=minutes(9))
    assert (await shop.book(), await shop.handovers()) == ((4, 0), ["matched"])


async def test_a_void_of_what_was_a_match_once_takes_the_sale_back(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 2), at=minutes(3))
    await shop.say(sale(shop, 2, 5), at=minutes(6))
    await shop.say(shop.void(3, 1, occurred_at=minutes(7)), at=minutes(8))
    assert (await shop.book(), await shop.handovers()) == ((4, 0), ["matched"])
    assert await shop.open("match") == []


async def test_a_handover_without_a_receipt_is_told_after_an_hour(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    assert await mark(shop, 60) == 0
    assert (await mark(shop, 61), await mark(shop, 62)) == (1, 0)
    assert await shop.handovers() == ["unmatched"]
    (found,) = await shop.open("match")
    assert (found["terminal"], found["body"]["sku"]) == ("", shop.world.sku)
    # a till that was offline may still say it
    await shop.say(sale(shop, 1, 10), at=minutes(600))
    assert (await shop.handovers(), await shop.open("match")) == (["matched"], [])
    assert await shop.book() == (4, 0)


async def test_a_line_that_becomes_known_later_is_matched_too(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    line = {"line": 1, "gtin": "5701234567899", "quantity": 1}
    await shop.say(shop.receipt(1, line, occurred_at=minutes(2)), at=minutes(3))
    await shop.know("5701234567899")
    assert await shop.replay(at=minutes(4)) == 1
    assert (await shop.book(), await shop.handovers()) == ((4, 0), ["matched"])


async def test_a_person_says_that_a_sale_is_the_same_unit(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 2), sale(shop, 2, 5), at=minutes(6))
    handover, one, _ = await shop.open("match")
    refused = await shop.settle(handover, "accept", at=minutes(9))
    assert (refused["code"], "Accept the till line" in refused["detail"]) == ("wrong_state", True)
    assert (await shop.settle(one, "accept", at=minutes(9)))["code"] == "accepted"
    assert (await shop.book(), await counted(shop)) == ((3, 0), 1)
    assert (await shop.handovers(), await shop.open("match")) == (["matched"], [])
    # and what was settled is not asked again
    await shop.say(sale(shop, 3, 7), at=minutes(10))
    assert (await shop.book(), await shop.open("match")) == ((2, 0), [])


async def test_a_person_says_that_a_sale_is_its_own_and_the_other_is_the_match(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 2), sale(shop, 2, 5), at=minutes(6))
    _, one, _ = await shop.open("match")
    assert (await shop.settle(one, "reject", at=minutes(9)))["code"] == "rejected"
    assert (await shop.book(), await counted(shop)) == ((3, 0), 1)
    assert (await shop.handovers(), await shop.open("match")) == (["matched"], [])


async def test_a_person_says_that_no_receipt_is_to_come(shop: Shop) -> None:
    await shop.stock(4)
    await shop.hand_over(1, minutes(0))
    await mark(shop, 61)
    (found,) = await shop.open("match")
    assert (await shop.settle(found, "reject", at=minutes(62)))["code"] == "rejected"
    await shop.say(sale(shop, 1, 10), at=minutes(63))
    assert (await shop.book(), await shop.handovers()) == ((3, 0), ["unmatched"])


async def test_a_match_is_told_on_the_receipt(shop: Shop) -> None:
    await shop.hand_over(1, minutes(0))
    await shop.say(sale(shop, 1, 2), at=minutes(3))
    await shop.hand_over(1, minutes(20))
    types = await shop.value(
        "select array_agg(e.type order by e.subject_sequence) from events.event e"
        " join pos.receipt r on e.subject = 'receipt/' || r.receipt_id where r.terminal = $1",
        shop.terminal,
    )
    assert types == ["pos.posted", "pos.matched", "pos.unmatched"]


async def test_a_match_before_a_count_leaves_the_book_as_it_was_counted(shop: Shop) -> None:
    await shop.stock(4)
    await shop.say(sale(shop, 1, 2), at=minutes(3))
    await shop.count(4, minutes(30))
    assert await shop.account("shrink") == -1
    await shop.hand_over(1, minutes(0), at=minutes(31))
    assert (await shop.book(), await shop.account("shrink")) == ((4, 0), 0)
