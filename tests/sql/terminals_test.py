"""Tills at their functions: states, clocks, Z-counts (domain §1.3, §1.6, §2.3; R17, R98)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from tests.sql.tills import (
    NOW,
    TODAY,
    WEEK,
    Till,
    World,
    assert_no_number_is_lost,
    later,
    sync,
    watch,
)


@pytest_asyncio.fixture
async def till(world: World) -> AsyncIterator[Till]:
    made = Till(world)
    assert await made.put() == "created"
    yield made


# -- silence --


async def test_silence_counts_in_opening_hours_only(till: Till) -> None:
    world = till.world
    await world.connection.execute(
        "update locations.location set opening_hours = $2 where location = $1",
        world.location,
        json.dumps(WEEK),
    )
    closing = later(hours=8)  # 18:00 on Saturday; the place opens on Monday
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    await till.beat(0, closing - timedelta(minutes=4))
    for at, state in (
        (closing, "online"),
        (monday - timedelta(hours=1), "online"),
        (monday + timedelta(minutes=5, seconds=59), "online"),
        (monday + timedelta(minutes=6), "stale"),
        (monday + timedelta(minutes=25, seconds=59), "stale"),
        (monday + timedelta(minutes=26), "offline"),
    ):
        assert (await till.body(at))["state"] == state, at
        await watch(world, at)
    assert await till.events() == ["stale", "offline"]
    assert (await sync(world))["stale_since"] == closing - timedelta(minutes=4)
    await till.beat(0, monday + timedelta(minutes=30))
    assert (await sync(world))["stale_since"] is None
    assert (await till.body(monday + timedelta(minutes=30)))["state"] == "online"


async def test_a_place_is_stale_since_the_oldest_of_its_silent_tills_was_heard_out(
    till: Till,
) -> None:
    world, other, unused = till.world, Till(till.world, 2), Till(till.world, 3)
    await other.put()
    await unused.put()
    await till.send(1)
    await other.send(1, at=later(minutes=5), occurred_at=later(minutes=4))
    await watch(world, later(minutes=9, seconds=59))
    assert (await sync(world))["stale_since"] is None
    await watch(world, later(minutes=20))
    assert (await sync(world))["stale_since"] == NOW - timedelta(minutes=1)
    await till.send(2, at=later(minutes=21))
    assert (await sync(world))["stale_since"] == later(minutes=4)
    await other.put(in_service=False)
    assert (await sync(world))["stale_since"] is None
    await other.put(in_service=True)
    assert (await sync(world))["stale_since"] == later(minutes=4)
    await other.put(epoch=2)  # another machine, which has not said anything yet
    assert (await sync(world))["stale_since"] is None
    body = await unused.body(later(hours=9))
    assert body["state"] == "offline"
    assert {
        body[name] for name in ("last_seen_at", "synced_through", "last_sequence", "closing")
    } == {None}


# -- clocks --


async def test_a_wrong_clock_is_put_right_in_the_ledger_and_kept_in_the_receipt(
    till: Till,
) -> None:
    world = till.world
    heard = await till.beat(0, NOW, sent=NOW - timedelta(seconds=90))
    assert heard["terminal"]["clock_offset_seconds"] == 90
    said = NOW - timedelta(minutes=5)
    await till.post(till.receipt(1, 1, occurred_at=said))
    await till.post(till.receipt(2, 1, occurred_at=NOW - timedelta(seconds=30)))
    await till.post(till.receipt(3, 1, occurred_at=later(minutes=2)))
    kept = await world.connection.fetch(
        "select r.occurred_at as said, e.occurred_at, e.reason, s.sold_at from pos.receipt r"
        " join stock.ledger_entry e on e.document_id = r.receipt_id"
        " join sales.sale_line s on s.document_id = r.receipt_id"
        " where r.terminal = $1 order by r.sequence",
        till.terminal,
    )
    assert [(row["said"], row["occurred_at"]) for row in kept] == [
        (said, said + timedelta(seconds=90)),
        (NOW - timedelta(seconds=30), NOW),  # never later than now
        (later(minutes=2), later(minutes=2)),  # unless the till itself says so
    ]
    assert {row["reason"] for row in kept} == {None}
    assert all(row["sold_at"] == row["occurred_at"] for row in kept)


@pytest.mark.parametrize(
    ("seconds", "moved", "reason"),
    [(1, 0, None), (2, 2, None), (120, 120, None), (121, 121, "ambiguous_clock"),
     (-300, -300, "ambiguous_clock"), (600, 600, "ambiguous_clock"), (601, 0, "ambiguous_clock")],
)  # fmt: skip
async def test_the_measured_offset_has_bounds(
    till: Till, seconds: int, moved: int, reason: str | None
) -> None:
    await till.beat(0, NOW, sent=NOW - timedelta(seconds=seconds))
    said = NOW - timedelta(hours=2)
    await till.post(till.receipt(1, 1, occurred_at=said))
    row = await till.world.connection.fetchrow(
        "select e.occurred_at, e.reason from stock.ledger_entry e join pos.receipt r"
        " on r.receipt_id = e.document_id where r.terminal = $1",
        till.terminal,
    )
    assert (row["occurred_at"], row["reason"]) == (said + timedelta(seconds=moved), reason)


async def test_review_judges_the_effective_time(till: Till) -> None:
    await till.beat(0, NOW, sent=later(minutes=5))  # five minutes fast
    codes = await till.post(
        till.receipt(1, 1, occurred_at=later(minutes=14)),
        till.receipt(2, 1, occurred_at=later(minutes=16)),
    )
    assert codes == ["posted", "held_for_review"]


# -- Z-counts --


async def test_story_3_a_till_is_reconciled_when_all_that_its_z_counts_has_come(
    till: Till,
) -> None:
    numbers = [n for n in range(1201, 1602) if n != 1377]
    await till.send(1201)
    await watch(till.world, later(hours=3))
    assert (await till.body(later(hours=3)))["state"] == "offline"
    at = later(hours=6)
    for begin in range(1, 400, 100):
        await till.send(*numbers[begin : begin + 100], at=at)
    assert await till.send(*numbers, at=at) == ["duplicate"] * 400
    assert await till.gaps() == [(1, 1377, 1377)]
    closed = await till.close(401, 1601, at)
    body = closed["terminal"]
    assert body["closing"] == {
        "business_date": "2026-11-21", "announced": 401, "received": 400,
    }  # fmt: skip
    assert (body["state"], body["gaps"], body["contiguous_through"]) == (
        "catching_up", [[1377, 1377]], 1376,
    )  # fmt: skip
    assert (body["last_sequence"], body["lag_seconds"]) == (1601, 6 * 3600 + 60)
    await till.send(1377, at=at)
    body = await till.body(at)
    assert (body["state"], body["closing"]["received"]) == ("reconciled", 401)
    assert await till.events() == ["offline", "gap", "reconciled"]
    await assert_no_number_is_lost(till.world)


async def test_a_closing_said_again_changes_nothing_and_another_one_replaces_it(
    till: Till,
) -> None:
    await till.send(1, 2, 3)
    assert (await till.close(4, 3))["replaced"] is None
    assert (await till.close(4, 3))["replaced"] is None
    assert (await till.body())["state"] == "catching_up"
    again = await till.close(3, 3)
    assert again["replaced"] == {"receipts": 4, "last_sequence": 3}
    assert again["terminal"]["state"] == "reconciled"
    assert await till.events() == ["reconciled"]


async def test_a_day_is_counted_from_the_closing_before_it(till: Till) -> None:
    await till.send(1, 2)
    await till.close(2, 2)
    sunday = later(days=1)
    # of Saturday by its time, after Saturday's Z: it belongs to the next one
    await till.send(3, at=sunday)
    await till.send(4, at=sunday, occurred_at=sunday)
    assert (await till.body(sunday))["state"] == "online"
    body = (await till.close(2, 4, sunday, TODAY + timedelta(days=1)))["terminal"]
    assert body["closing"]["received"] == 2
    assert body["state"] == "reconciled"
    assert await till.events() == ["reconciled", "reconciled"]


async def test_a_closing_of_the_day_after_tomorrow_is_refused(till: Till) -> None:
    assert (await till.close(0, 0, day=TODAY + timedelta(days=2)))["code"] == "in_the_future"
    assert (await till.close(0, 0, day=TODAY + timedelta(days=1)))["code"] == "recorded"


# -- days, and what nobody knows --


async def test_a_place_is_doubtful_while_more_than_2_percent_of_today_are_unmapped(
    till: Till,
) -> None:
    await till.post(till.receipt(1, 98))
    assert not (await sync(till.world))["doubtful"]
    await till.post(till.receipt(2, 2, sku="nobody's"))
    assert not (await sync(till.world))["doubtful"]
    await till.post(till.receipt(3, -1, sku="nobody's"))
    assert (await sync(till.world))["doubtful"]
    day = await till.world.connection.fetchrow(
        "select * from pos.terminal_day where terminal = $1", till.terminal
    )
    assert (day["business_date"], day["receipts"], day["units"]) == (TODAY, 3, 101)
    assert (day["unmapped_units"], day["lag_seconds_max"]) == (3, 60)
    await watch(till.world, later(hours=15))  # it is Sunday there
    assert not (await sync(till.world))["doubtful"]


# -- voids that wait --


async def test_a_void_that_waited_72_hours_is_marked_once_and_still_settled(till: Till) -> None:
    void = till.receipt(2, kind="void", voids={"terminal": till.terminal, "sequence": 1})
    assert await till.post(void) == ["parked"]

    async def mark(at: datetime) -> int:
        (outcome,) = await till.world.run("pos.mark_overdue", {"most": 10}, at=at)
        return outcome["receipts"]  # type: ignore[no-any-return]

    assert await mark(later(hours=71, minutes=59)) == 0
    assert await mark(later(hours=72)) == 1
    assert await mark(later(hours=73)) == 0
    assert await till.send(1, quantity=1, at=later(hours=74)) == ["posted"]
    assert (await till.world.level())["sellable"] == 0
    rows = await till.world.connection.fetch(
        "select type from events.event where subject = (select 'receipt/' || receipt_id"
        " from pos.receipt where terminal = $1 and sequence = 2) order by sequence",
        till.terminal,
    )
    assert [row["type"] for row in rows] == ["pos.parked", "pos.overdue", "pos.posted"]


# -- who may --


async def test_a_till_of_another_tokens_place_is_not_there(till: Till) -> None:
    assert (await till.beat(0, locations=["elsewhere"]))["code"] == "not_found"
    assert (await Till(till.world, 9).beat(0))["code"] == "not_found"


async def test_a_cell_must_be_named(world: World) -> None:
    for function in ("record_heartbeats", "record_closings", "put_terminal", "watch_terminals"):
        transaction = world.connection.transaction()
        await transaction.start()
        with pytest.raises(asyncpg.RaiseError, match="p_cell is null"):
            await world.connection.fetchval(f"select terminals.{function}(null, '[]')")
        await transaction.rollback()
