"""The numbers of a till at the functions: gaps, lives, what it announces (R17, I13)."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sql.tills import Till, World, assert_no_number_is_lost, later, watch


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


async def test_a_number_before_the_count_does_not_stand_for_one_that_is_missing(
    till: Till,
) -> None:
    await till.send(16)
    await till.send(3, 18)
    assert await till.gaps() == [(1, 17, 17)]


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
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
    await till.close(4, 4, later(minutes=4))  # may be of days ago: nothing of what is unsent now
    assert (await till.body())["synced_through"] == "2026-11-21T09:02:00+00:00"
    await till.beat(4, later(minutes=5), sent=later(hours=2))
    assert (await till.body())["synced_through"] == "2026-11-21T09:05:00+00:00"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.lists(st.integers(1, 20), min_size=1, max_size=5)),
        st.tuples(st.just("beat"), st.integers(0, 24)),
        st.tuples(st.just("close"), st.integers(0, 24)),
        st.tuples(st.just("first"), st.integers(1, 12)),
        st.tuples(st.just("give up"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.just(0)),
    ),
    max_size=14,
)


async def take(till: Till, step: tuple[str, Any], at: datetime) -> None:
    """One thing that a till, a person or the job does."""
    name, what = step
    if name == "send":
        await till.send(*what, at=at)
    elif name == "beat":
        await till.beat(what, at)
    elif name == "close":
        await till.close(what, what, at)
    elif name == "first":
        await till.put(at, first_sequence=what)
    elif name == "give up":
        await till.world.connection.execute(
            "update pos.exception set state = 'resolved', resolution = '{\"action\": \"accept\"}'"
            " where exception_id in (select exception_id from pos.exception where terminal = $1"
            " and kind = 'gap' and state = 'open' order by sequence offset $2 limit 1)",
            till.terminal,
            what,
        )
    else:
        await watch(till.world, at)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(doings=steps)
async def test_whatever_tills_people_and_jobs_do_each_missing_number_has_one_gap(
    world: World, doings: list[tuple[str, Any]]
) -> None:
    transaction = world.connection.transaction()
    await transaction.start()
    try:
        till = Till(world, 8)
        await till.put()
        for number, step in enumerate(doings):
            await take(till, step, later(seconds=31 * number))
            await assert_no_number_is_lost(world)
        told = [n for _, a, b in await till.gaps() for n in range(a, b + 1)]
        assert len(told) == len(set(told))
        await till.events()
        # once all has come that there is, nothing is missing
        await till.send(*range(1, 25), at=later(hours=1))
        assert await till.gaps() == []
        assert (await till.body(later(hours=1)))["contiguous_through"] == 24
    finally:
        await transaction.rollback()
