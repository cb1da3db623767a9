"""Tills at their functions: gaps, states, clocks, Z-counts (domain §1.3, §1.6, §2.3; R17, I13).

Time is the argument of the functions: 10:00 of a Saturday is where a test begins.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.pos.commands import PostReceipt
from service.pos.rules import asked
from service.pos.types import Receipt
from service.web.route import new_id

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)  # 10:00 in Copenhagen
TODAY = date(2026, 11, 21)
WEEK = {day: [["10:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
CHECK = Path(__file__).parents[2] / "sql" / "checks" / "missing_numbers_are_open_gaps.sql"
World = Any  # the one of conftest


def later(**of: float) -> datetime:
    return NOW + timedelta(**of)


class Till:
    """A till as SQL sees it, at a place that is always open unless a test says otherwise."""

    def __init__(self, world: World, number: int = 1) -> None:
        self.world = world
        self.terminal = f"{world.location}-{number}"

    async def put(self, at: datetime = NOW, **of: Any) -> str:
        command = {
            "client_id": self.world.client_id,
            "key": " ",
            "fingerprint": f"{of}",
            "request_id": "r",
            "terminal": self.terminal,
            "epoch": None,
            "location": self.world.location,
            "name": None,
            "first_sequence": None,
            "in_service": None,
            **of,
        }
        command["key"] = f" {new_id(1)}"
        (outcome,) = await self.world.run("terminals.put_terminal", command, at=at)
        return outcome["code"]  # type: ignore[no-any-return]

    def receipt(self, sequence: int, quantity: int = 0, **of: Any) -> dict[str, Any]:
        line = {"line": 1, "sku": of.pop("sku", self.world.sku), "quantity": quantity}
        body = {
            "terminal": self.terminal,
            "sequence": sequence,
            "kind": "sale" if quantity else "no_sale",
            "occurred_at": NOW - timedelta(minutes=1),
            "lines": [line] if quantity else [],
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
            lines=1,
            codes=facts.codes,
            body=msgspec.Raw(facts.body),
        )
        return msgspec.json.decode(msgspec.json.encode(command))  # type: ignore[no-any-return]

    async def post(self, *receipts: dict[str, Any], at: datetime = NOW) -> list[str]:
        outcomes = await self.world.run("pos.post_receipts", *receipts, at=at)
        return [outcome["code"] for outcome in outcomes]

    async def send(self, *sequences: int, at: datetime = NOW, **of: Any) -> list[str]:
        return await self.post(*(self.receipt(number, **of) for number in sequences), at=at)

    async def beat(
        self, last: int, at: datetime = NOW, *, sent: datetime | None = None, **of: Any
    ) -> dict[str, Any]:
        command = {
            "terminal": self.terminal,
            "sent_at": (sent or at).isoformat(),
            "last_sequence": last,
            "locations": None,
            **of,
        }
        (outcome,) = await self.world.run("terminals.record_heartbeats", command, at=at)
        return outcome  # type: ignore[no-any-return]

    async def close(
        self, receipts: int, last: int, at: datetime = NOW, day: date = TODAY
    ) -> dict[str, Any]:
        command = {
            "client_id": self.world.client_id,
            "terminal": self.terminal,
            "business_date": day.isoformat(),
            "receipts": receipts,
            "last_sequence": last,
            "locations": None,
        }
        (outcome,) = await self.world.run("terminals.record_closings", command, at=at)
        return outcome  # type: ignore[no-any-return]

    async def body(self, at: datetime = NOW) -> dict[str, Any]:
        """As the API tells it."""
        text = await self.world.connection.fetchval(
            "select terminals.terminal_body(t, $2) from pos.terminal t where t.terminal = $1"
            " order by t.epoch desc limit 1",
            self.terminal,
            at,
        )
        return json.loads(text)  # type: ignore[no-any-return]

    async def gaps(self) -> list[tuple[int, int, int]]:
        """(epoch, first, last) of each open gap."""
        rows = await self.world.connection.fetch(
            "select epoch, sequence, sequence + quantity - 1 as last, body from pos.exception"
            " where kind = 'gap' and state = 'open' and terminal = $1 order by 1, 2",
            self.terminal,
        )
        for row in rows:
            assert json.loads(row["body"]) == {"first": row["sequence"], "last": row["last"]}
        return [(row["epoch"], row["sequence"], row["last"]) for row in rows]

    async def events(self) -> list[str]:
        """Types of what was told of it, in order; numbered without gaps."""
        rows = await self.world.connection.fetch(
            "select type, subject_sequence from events.event where subject = $1 order by sequence",
            f"terminal/{self.terminal}",
        )
        assert [row["subject_sequence"] for row in rows] == list(range(1, len(rows) + 1))
        return [row["type"].removeprefix("terminal.") for row in rows]


async def watch(world: World, at: datetime) -> None:
    """What the job does."""
    after: str | None = ""
    while after is not None:
        (outcome,) = await world.run(
            "terminals.watch_terminals", {"after_code": after, "most": 2}, at=at
        )
        after = outcome["last"]


async def sync(world: World) -> dict[str, Any]:
    row = await world.connection.fetchrow(
        "select s.* from stock.place_sync s join locations.location l using (location_id)"
        " where l.location = $1",
        world.location,
    )
    return {"stale_since": None, "doubtful": False} if row is None else dict(row)


async def assert_no_number_is_lost(world: World) -> None:
    """I13 holds."""
    assert await world.connection.fetch(CHECK.read_text()) == []


@pytest_asyncio.fixture
async def till(world: World) -> AsyncIterator[Till]:
    made = Till(world)
    assert await made.put() == "created"
    yield made


# -- numbers --


async def test_numbers_in_order_open_no_gap(till: Till) -> None:
    await till.send(1201, 1202, 1203)
    await till.send(1204)
    body = await till.body()
    assert (body["first_sequence"], body["last_sequence"]) == (1201, 1204)
    assert (body["contiguous_through"], body["gaps"], body["state"]) == (1204, [], "online")
    assert await till.events() == []


async def test_a_jump_opens_a_gap_in_its_own_transaction_and_late_numbers_close_it(
    till: Till,
) -> None:
    await till.send(1, 2, 9)
    assert await till.gaps() == [(1, 3, 8)]
    body = await till.body()
    assert (body["contiguous_through"], body["gaps"], body["state"]) == (2, [[3, 8]], "catching_up")
    await till.send(5)
    assert await till.gaps() == [(1, 3, 4), (1, 6, 8)]
    await till.send(8, 3)
    assert await till.gaps() == [(1, 4, 4), (1, 6, 7)]
    await till.send(6, 7, 4)
    assert await till.gaps() == []
    assert (await till.body())["state"] == "online"
    assert await till.events() == ["gap"]
    resolved = await till.world.connection.fetch(
        "select resolution from pos.exception where terminal = $1 and state = 'resolved'",
        till.terminal,
    )
    assert [json.loads(row["resolution"]) for row in resolved] == [{"action": "filled"}] * 2


async def test_numbers_below_the_first_make_no_gap(till: Till) -> None:
    await till.send(100)
    await till.send(50)
    await till.send(101)
    assert await till.gaps() == []
    body = await till.body()
    assert (body["first_sequence"], body["last_sequence"]) == (100, 101)


async def test_a_registered_first_number_is_waited_for(till: Till) -> None:
    await till.put(first_sequence=100)
    await till.send(40)  # before its count
    assert await till.gaps() == []
    await till.send(103)
    assert await till.gaps() == [(1, 100, 102)]
    await till.put(first_sequence=102)
    assert await till.gaps() == [(1, 102, 102)]
    await till.put(first_sequence=99)
    assert await till.gaps() == [(1, 99, 101), (1, 102, 102)]
    await till.put(first_sequence=38)
    assert await till.gaps() == [(1, 38, 39), (1, 41, 98), (1, 99, 101), (1, 102, 102)]
    await assert_no_number_is_lost(till.world)


async def test_lives_count_for_themselves_and_number_their_events_together(till: Till) -> None:
    await till.send(1, 3)
    assert await till.put(epoch=2) == "created"
    await till.send(1, 2, 5)
    await till.post(till.receipt(7, epoch=1))
    assert await till.gaps() == [(1, 2, 2), (1, 4, 6), (2, 3, 4)]
    assert await till.events() == ["gap", "gap", "gap"]
    assert (await till.body())["epoch"] == 2
    await till.post(till.receipt(2, epoch=1))
    assert await till.gaps() == [(1, 4, 6), (2, 3, 4)]
    await assert_no_number_is_lost(till.world)


async def test_whatever_is_kept_counts_as_received(till: Till) -> None:
    void = {"kind": "void", "voids": {"terminal": till.terminal, "sequence": 99}}
    codes = await till.post(
        till.receipt(1, 1),
        till.receipt(2, 10_000),
        till.receipt(3, **void),
        till.receipt(4, kind="void", voids={"terminal": till.terminal, "sequence": 3}),
        till.receipt(5, 1, sku="nobody's"),
        till.receipt(5, 7),
        till.receipt(6),
    )
    assert codes == [
        "posted", "held_for_review", "parked", "conflict", "partly_posted", "conflict", "posted",
    ]  # fmt: skip
    assert await till.gaps() == []
    assert (await till.body())["last_sequence"] == 6


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    numbers=st.lists(st.integers(1, 24), min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=6),
    first=st.one_of(st.none(), st.integers(1, 6)),
)
async def test_gaps_of_any_order_of_arrival_are_those_of_the_sorted_numbers(
    world: World, numbers: list[int], cuts: list[int], first: int | None
) -> None:
    transaction = world.connection.transaction()
    await transaction.start()
    try:
        till = Till(world, 7)
        await till.put(first_sequence=first)
        edges = [0, *sorted(c for c in cuts if c < len(numbers)), len(numbers)]
        batches = [numbers[a:b] for a, b in pairwise(edges) if b > a]
        for batch in batches:
            await till.send(*batch)
        begin = min(batches[0]) if first is None else first
        came = set(numbers)
        missing = {n for n in range(begin, max(came)) if n not in came}
        told = [n for _, a, b in await till.gaps() for n in range(a, b + 1)]
        assert sorted(told) == sorted(missing)
        body = await till.body()
        assert body["contiguous_through"] == min(missing, default=max(came) + 1) - 1 or not missing
        await assert_no_number_is_lost(world)
    finally:
        await transaction.rollback()


# -- what it announces --


async def test_announced_numbers_that_do_not_come_are_a_gap_after_30_seconds(till: Till) -> None:
    await till.send(1, 2)
    body = (await till.beat(5))["terminal"]
    assert (body["state"], body["gaps"]) == ("catching_up", [])
    await till.beat(5, later(seconds=20))
    await watch(till.world, later(seconds=29))
    assert await till.gaps() == []
    await watch(till.world, later(seconds=31))
    await watch(till.world, later(seconds=41))
    assert await till.gaps() == [(1, 3, 5)]
    assert (await till.body())["contiguous_through"] == 2
    await till.beat(7, later(seconds=50))
    await watch(till.world, later(seconds=81))
    assert await till.gaps() == [(1, 3, 7)]
    await till.send(4, at=later(seconds=90))
    assert await till.gaps() == [(1, 3, 3), (1, 5, 7)]
    await till.send(3, 5, 6, 7, 8, at=later(seconds=91))
    assert await till.gaps() == []
    assert (await till.body(later(seconds=92)))["state"] == "online"
    assert await till.events() == ["gap", "gap"]
    await assert_no_number_is_lost(till.world)


async def test_a_till_that_announces_before_it_sends_is_waited_for(till: Till) -> None:
    await till.beat(1601)
    await watch(till.world, later(seconds=31))
    assert await till.gaps() == [(1, 1601, 1601)]
    await till.send(1201, 1203, at=later(seconds=40))
    assert await till.gaps() == [(1, 1202, 1202), (1, 1601, 1601)]
    await watch(till.world, later(seconds=71))
    assert await till.gaps() == [(1, 1202, 1202), (1, 1204, 1600), (1, 1601, 1601)]
    await assert_no_number_is_lost(till.world)


async def test_a_gap_that_a_person_gave_up_is_not_opened_again(till: Till) -> None:
    await till.send(1, 5)
    await till.world.connection.execute(
        "update pos.exception set state = 'resolved', resolution = '{\"action\": \"accept\"}'"
        " where terminal = $1",
        till.terminal,
    )
    body = await till.body()
    assert (body["gaps"], body["contiguous_through"], body["state"]) == ([], 5, "online")
    await till.send(7)
    await till.send(3)
    assert await till.gaps() == [(1, 6, 6)]
    await assert_no_number_is_lost(till.world)


async def test_synced_through_is_what_it_says_and_never_goes_back(till: Till) -> None:
    await till.send(1, 2)
    assert (await till.body())["synced_through"] == "2026-11-21T08:59:00+00:00"
    await till.beat(2, later(minutes=1))
    assert (await till.body())["synced_through"] == "2026-11-21T09:01:00+00:00"
    await till.beat(4, later(minutes=2))  # two of them have not come
    assert (await till.body())["synced_through"] == "2026-11-21T09:01:00+00:00"
    await till.send(4, at=later(minutes=3))  # 3 is a gap: it does not hold it back
    assert (await till.body())["synced_through"] == "2026-11-21T09:02:00+00:00"
    await till.send(3, at=later(minutes=4))
    assert (await till.body())["synced_through"] == "2026-11-21T09:02:00+00:00"
    await till.beat(4, later(minutes=5), sent=later(hours=2))
    assert (await till.body())["synced_through"] == "2026-11-21T09:05:00+00:00"


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
