"""What follows from trouble: frozen levels, count tasks, shortfalls, and when they are over."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.sql.shelf import Shelf, at, shelf_of

World = Any  # the one of conftest


@pytest_asyncio.fixture
async def shelf(world: World) -> Shelf:
    shelf = await shelf_of(world)
    await shelf.opening(3)
    return shelf


async def claim(shelf: Shelf, units: int, when: str = "9:00", *, staged: int = 0) -> uuid.UUID:
    """Units promised to an order, some of them on the ready shelf."""
    holder = uuid.uuid4()
    await shelf.connection.execute(
        "insert into stock.claim (cell_id, location_id, sku_id, holder_id, holder_kind, line,"
        " quantity, open_quantity, staged_quantity) values (1, $1, $2, $3, 'order', 1, $4, $4, $5)",
        *shelf.keys, holder, units, staged,
    )  # fmt: skip
    await change(shelf, holder, "claim", units, units - staged, when)
    return holder


async def change(
    shelf: Shelf, holder: uuid.UUID, kind: str, reserved: int, unpicked: int, when: str
) -> None:
    """A claim changes."""
    await shelf.lock(at(when))
    await shelf.connection.execute(
        "select stock.post(1, $3, 'test', null, array[($1, $2, $4, $5, $6, $7, null, $8)"
        "::stock.claim_change])",
        *shelf.keys, at(when), holder, kind, reserved, unpicked, shelf.client,
    )  # fmt: skip


async def shortfall(shelf: Shelf) -> int | None:
    return await shelf.connection.fetchval(  # type: ignore[no-any-return]
        "select quantity from stock.shortfall where location_id = $1 and sku_id = $2", *shelf.keys
    )


async def frozen(shelf: Shelf) -> str | None:
    return (await shelf.level())["frozen_reason"]  # type: ignore[no-any-return]


async def told(shelf: Shelf) -> list[tuple[str, int, dict[str, Any]]]:
    """(type, number, data) of the events that one more sale of a unit makes."""
    now = at("13:00")
    await shelf.lock(now)
    rows = await shelf.connection.fetch(
        "select u.type, u.subject_sequence, u.data from unnest(stock.post(1, $3, 'test', array["
        "($1, $2, 'sellable', 'customer', 1, 'sale', $3, $4, 'pos', null, null, $5, null)"
        "::stock.goods_change], null)) u",
        *shelf.keys, now, uuid.uuid4(), shelf.client,
    )  # fmt: skip
    return [(row["type"], row["subject_sequence"], json.loads(row["data"])) for row in rows]


async def test_a_sale_below_zero_freezes_asks_for_a_count_and_is_told_once(shelf: Shelf) -> None:
    await shelf.sale(3, "12:00")
    assert await frozen(shelf) is None
    negative, changed = await told(shelf)
    number = (await shelf.level())["change_count"]
    assert negative[:2] == ("stock.negative", number - 1)
    assert changed[:2] == ("stock.changed", number)
    assert (negative[2]["sellable"], negative[2]["cause"]) == (-1, "test")
    assert (await frozen(shelf), await shelf.tasks()) == ("negative_stock", ["negative_stock"])
    assert [event[0] for event in await told(shelf)] == ["stock.changed"]
    assert await shelf.tasks() == ["negative_stock"]
    await shelf.sound()


async def test_goods_that_come_in_do_not_thaw_and_a_count_does(shelf: Shelf) -> None:
    await shelf.sale(4, "12:00")
    await shelf.move("received", "supplier", "sellable", 5, "12:30")
    assert (await frozen(shelf), await shelf.tasks()) == ("negative_stock", ["negative_stock"])
    await shelf.count(4, "13:00")
    assert (await frozen(shelf), await shelf.tasks()) == (None, [])
    await shelf.sound()


async def test_a_count_that_leaves_the_book_below_zero_does_not_thaw(shelf: Shelf) -> None:
    """Counted 1 at noon, and four sold since: the count cannot be right, or the sales."""
    await shelf.sale(4, "12:30")
    await shelf.count(1, "12:00", "13:00")
    assert await shelf.accounts() == (-3, 2)
    assert (await frozen(shelf), await shelf.tasks()) == ("negative_stock", ["negative_stock"])
    await shelf.count(0, "14:00")
    assert (await frozen(shelf), await shelf.tasks()) == (None, [])
    await shelf.sound()


async def test_a_count_may_show_that_the_book_is_below_zero(shelf: Shelf) -> None:
    await shelf.sale(2, "12:30")
    await shelf.count(1, "12:00", "13:00")
    assert await shelf.accounts() == (-1, 2)
    assert (await frozen(shelf), await shelf.tasks()) == ("negative_stock", ["negative_stock"])
    await shelf.sound()


async def test_a_late_sale_that_a_count_answers_freezes_nothing(shelf: Shelf) -> None:
    await shelf.count(0, "12:00")
    await shelf.sale(3, "11:00", "13:00")
    assert (await frozen(shelf), await shelf.tasks()) == (None, [])
    assert await shelf.accounts() == (0, 0)


async def test_not_found_freezes_until_a_spot_count_story_6(shelf: Shelf) -> None:
    await shelf.move("received", "supplier", "sellable", 1, "9:00")
    await claim(shelf, 2, "9:30")
    await shelf.move("pick", "sellable", "staged", 1, "10:00")
    await shelf.move("not_found", "sellable", "missing", 1, "10:05")
    level = await shelf.level()
    assert (level["sellable"], level["missing"], level["frozen_reason"]) == (2, 1, "not_found")
    assert level["not_found_at"] == [at("10:05")]
    assert await shelf.tasks() == ["not_found"]
    count = await shelf.count(0, "10:30")
    assert count.variance == -2
    level = await shelf.level()
    assert (level["sellable"], level["missing"], level["frozen_reason"]) == (0, 0, None)
    assert await shelf.accounts() == (0, 3)
    assert await shelf.tasks() == []
    await shelf.sound()


async def test_a_count_from_before_a_not_found_answers_nothing(shelf: Shelf) -> None:
    await shelf.move("not_found", "sellable", "missing", 1, "12:00")
    await shelf.count(3, "11:00", "13:00")
    level = await shelf.level()
    assert (level["sellable"], level["missing"], level["frozen_reason"]) == (2, 1, "not_found")
    assert await shelf.tasks() == ["not_found"]
    await shelf.sound()


async def test_a_not_found_from_before_a_count_freezes_nothing(shelf: Shelf) -> None:
    await shelf.count(3, "12:00")
    await shelf.move("not_found", "sellable", "missing", 1, "11:00", "13:00")
    level = await shelf.level()
    assert (level["sellable"], level["frozen_reason"]) == (3, None)
    assert level["not_found_at"] == [at("11:00")]


async def test_an_older_count_does_not_thaw_what_froze_after_a_newer_one(shelf: Shelf) -> None:
    await shelf.count(3, "12:00")
    await shelf.sale(4, "13:00")
    await shelf.count(3, "11:00", "14:00")
    assert (await frozen(shelf), await shelf.tasks()) == ("negative_stock", ["negative_stock"])
    await shelf.sound()


async def test_not_founds_are_kept_for_thirty_days(shelf: Shelf) -> None:
    for day in (0, 1, 30):
        await shelf.move("not_found", "sellable", "missing", 1, at("12:00") + timedelta(days=day))
    kept = (await shelf.level())["not_found_at"]
    assert kept == [at("12:00") + timedelta(days=day) for day in (1, 30)]


async def test_a_sale_of_promised_goods_makes_one_shortfall_of_the_difference_i4(
    shelf: Shelf,
) -> None:
    await claim(shelf, 2)
    await shelf.sale(1, "12:00")
    assert await shortfall(shelf) is None
    await shelf.sale(1, "12:01")
    assert await shortfall(shelf) == 1
    await shelf.sale(2, "12:02")
    assert await shortfall(shelf) == 3
    await shelf.sound()


async def test_a_shortfall_goes_with_the_goods_or_the_claim_that_end_it(shelf: Shelf) -> None:
    holder = await claim(shelf, 2)
    await shelf.sale(3, "12:00")
    assert await shortfall(shelf) == 2
    await shelf.move("received", "supplier", "sellable", 1, "12:30")
    assert await shortfall(shelf) == 1
    await change(shelf, holder, "release", -2, -2, "13:00")
    await shelf.connection.execute(
        "update stock.claim set open_quantity = 0 where holder_id = $1", holder
    )
    assert await shortfall(shelf) is None
    await shelf.sound()


async def test_a_count_finds_what_is_promised_and_not_there(shelf: Shelf) -> None:
    await claim(shelf, 3)
    await shelf.count(1, "12:00")
    assert await shortfall(shelf) == 2
    await shelf.count(3, "13:00")
    assert await shortfall(shelf) is None
    await shelf.sound()


async def test_what_is_staged_is_not_short_story_5(shelf: Shelf) -> None:
    """G=1 of an order; the shelf's two go over the till: promised and unpicked is nothing."""
    await claim(shelf, 1, staged=1)
    await shelf.move("pick", "sellable", "staged", 1, "10:00")
    await shelf.sale(2, "12:00")
    assert await shortfall(shelf) is None
    await shelf.sound()


@pytest.mark.parametrize("reason", ["wrong_item", "transfer_short", "asked"])
async def test_one_task_is_open_however_often_it_is_asked(shelf: Shelf, reason: str) -> None:
    for _ in range(2):
        await shelf.connection.execute(
            "select trust.open_tasks(1, $1, $2, array[$3::int, $3], array[$4::int, $4])",
            at("12:00"), reason, *shelf.keys,
        )  # fmt: skip
    await shelf.sale(4, "12:30")
    assert await shelf.tasks() == [reason]
    await shelf.count(0, "11:00", "12:40")
    assert await shelf.tasks() == [reason]
    await shelf.count(0, "13:00")
    assert await shelf.tasks() == []


async def test_a_task_stays_open_while_the_level_stays_frozen(shelf: Shelf) -> None:
    await shelf.connection.execute(
        "select trust.open_tasks(1, $1, 'asked', array[$2::int], array[$3::int])",
        at("10:00"), *shelf.keys,
    )  # fmt: skip
    await shelf.sale(5, "12:30")
    await shelf.count(1, "12:00", "13:00")
    assert (await frozen(shelf), await shelf.tasks()) == ("negative_stock", ["asked"])
    await shelf.sound()


async def test_a_count_from_before_it_was_asked_for_does_not_close_the_task(shelf: Shelf) -> None:
    await shelf.connection.execute(
        "select trust.open_tasks(1, $1, 'wrong_item', array[$2::int], array[$3::int])",
        at("12:00"), *shelf.keys,
    )  # fmt: skip
    await shelf.count(3, "11:00", "12:30")
    assert await shelf.tasks() == ["wrong_item"]
    await shelf.count(3, "12:00", "12:40")
    assert await shelf.tasks() == []
