"""Late events against counts (domain §1.3), at stock.post and stock.post_counts themselves."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sql.shelf import DAY, Shelf, at, shelf_of

World = Any  # the one of conftest


@pytest_asyncio.fixture
async def shelf(world: World) -> Shelf:
    return await shelf_of(world)


async def test_story_8_entry_by_entry(shelf: Shelf) -> None:
    await shelf.opening(12)
    await shelf.move("pick", "sellable", "staged", 2, "12:00")
    await shelf.sale(1, "14:05")
    await shelf.move("pick", "sellable", "staged", 1, "14:10")
    count = await shelf.count(7, "14:00", "14:30")
    assert (count.expected, count.variance) == (10, -3)
    assert await shelf.accounts() == (5, 3)
    await shelf.sale(2, "13:50", "15:00")
    assert await shelf.accounts() == (5, 1)
    await shelf.sale(1, "14:20", "15:01")
    assert await shelf.accounts() == (4, 1)
    ledger = await shelf.ledger()
    assert [entry[:3] for entry in ledger] == [
        ("opening", 12, DAY), ("pick", -2, at("12:00")), ("sale", -1, at("14:05")),
        ("pick", -1, at("14:10")), ("count", -3, at("14:00")), ("sale", -2, at("13:50")),
        ("count_trueup", 2, at("14:00")), ("sale", -1, at("14:20")),
    ]  # fmt: skip
    assert ledger[6][3] == count.document != ledger[5][3]
    assert (await shelf.level())["staged"] == 3
    await shelf.sound()


async def test_story_15_a_line_that_is_mapped_after_a_count_leaves_the_shelf_as_counted(
    shelf: Shelf,
) -> None:
    await shelf.opening(6)
    assert (await shelf.count(4, at("9:00") + timedelta(days=1))).variance == -2
    mapped = at("10:00") + timedelta(days=2)
    await shelf.move("sale", "sellable", "customer", 2, "12:00", mapped)
    assert await shelf.accounts() == (4, 0)
    await shelf.sound()


async def test_a_count_that_is_posted_late_is_trued_up_against_the_later_one(shelf: Shelf) -> None:
    await shelf.opening(10)
    await shelf.count(6, "15:00")
    late = await shelf.count(8, "14:00", "16:00")
    assert (late.expected, late.variance) == (10, -2)
    assert await shelf.accounts() == (6, 4)
    assert [entry[:3] for entry in (await shelf.ledger())[1:]] == [
        ("count", -4, at("15:00")), ("count", -2, at("14:00")), ("count_trueup", 2, at("15:00")),
    ]  # fmt: skip
    assert (await shelf.level())["last_counted_at"] == at("15:00")
    await shelf.sound()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_two_counts_and_two_sales_end_the_same_in_any_order(
    shelf: Shelf, order: tuple[int, ...]
) -> None:
    await shelf.opening(10)
    steps = [
        lambda now: shelf.sale(2, "13:00", now), lambda now: shelf.count(7, "14:00", now),
        lambda now: shelf.sale(1, "14:30", now), lambda now: shelf.count(5, "15:00", now),
    ]  # fmt: skip
    for place, step in enumerate(order):
        await steps[step](f"{16 + place}:00")
    assert await shelf.accounts() == (5, 2)
    await shelf.sound()


async def test_a_late_entry_is_trued_up_against_the_first_count_after_it(shelf: Shelf) -> None:
    await shelf.opening(10)
    first = await shelf.count(10, "12:00")
    second = await shelf.count(10, "14:00")
    for when, count in (("11:00", first), ("13:00", second)):
        await shelf.sale(1, when, "15:00")
        entry = (await shelf.ledger())[-1]
        assert entry[:2] == ("count_trueup", 1)
        assert entry[3] == count.document
    await shelf.sale(1, "14:30", "15:00")
    assert (await shelf.ledger())[-1][0] == "sale"
    assert await shelf.accounts() == (9, -2)
    await shelf.sound()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_sale_and_its_void_around_a_count_end_the_same_in_any_order(
    shelf: Shelf, order: tuple[int, ...]
) -> None:
    """The sale at 13:50 was on the counted shelf's past, its void at 14:10 was not."""
    await shelf.opening(10)
    steps = [
        lambda now: shelf.sale(1, "13:50", now), lambda now: shelf.count(9, "14:00", now),
        lambda now: shelf.move("void", "customer", "sellable", 1, "14:10", now),
    ]  # fmt: skip
    for place, step in enumerate(order):
        await steps[step](f"{15 + place}:00")
    assert await shelf.accounts() == (10, 0)
    await shelf.sound()


@pytest.mark.parametrize(
    ("kind", "source", "target", "change"),
    [
        ("pick", "sellable", "staged", -2), ("put_back", "staged", "sellable", 2),
        ("received", "supplier", "sellable", 2), ("transfer", "sellable", "in_transit", -2),
        ("transfer", "in_transit", "sellable", 2), ("damaged", "sellable", "damaged", -2),
        ("return", "customer", "quarantine", 0), ("adjusted", "shrink", "sellable", 2),
    ],
)  # fmt: skip
async def test_any_kind_of_late_movement_leaves_the_counted_shelf_alone(
    shelf: Shelf, kind: str, source: str, target: str, change: int
) -> None:
    await shelf.opening(10)
    await shelf.move("pick", "sellable", "staged", 3, "10:00")
    await shelf.count(7, "14:00")
    await shelf.move(kind, source, target, 2, "13:00", "15:00")
    assert (await shelf.level())["sellable"] == 7
    assert len(await shelf.ledger()) == (4 if change else 3)
    if change:
        assert (await shelf.ledger())[-1][:2] == ("count_trueup", -change)
    await shelf.sound()


async def test_what_was_never_counted_has_no_true_up(shelf: Shelf) -> None:
    await shelf.opening(5)
    await shelf.sale(1, "9:00", "18:00")
    assert [entry[0] for entry in await shelf.ledger()] == ["opening", "sale"]


async def test_a_count_before_this_release_has_no_row_and_makes_no_true_up(shelf: Shelf) -> None:
    await shelf.opening(5)
    await shelf.connection.execute(
        "update stock.stock_level set last_counted_at = $3 where location_id = $1 and sku_id = $2",
        *shelf.keys, at("14:00"),
    )  # fmt: skip
    await shelf.sale(1, "9:00", "18:00")
    assert [entry[0] for entry in await shelf.ledger()] == ["opening", "sale"]


@pytest.mark.parametrize(
    ("when", "ambiguous"),
    [("13:57", False), ("13:58", True), ("14:00", True), ("14:02", True), ("14:03", False)],
)
async def test_within_two_minutes_of_a_count_the_order_is_ambiguous(
    shelf: Shelf, when: str, *, ambiguous: bool
) -> None:
    await shelf.opening(10)
    await shelf.count(9, "14:00")
    await shelf.sale(1, when, "15:00")
    entry = (await shelf.ledger())[2]
    assert entry[4] == ("ambiguous_count" if ambiguous else None)
    assert await shelf.tasks() == (["ambiguous"] if ambiguous else [])
    assert (await shelf.level())["sellable"] == (9 if when <= "14:00" else 8)
    await shelf.count(8, "16:00")
    assert await shelf.tasks() == []
    await shelf.sound()


async def test_an_ambiguous_entry_keeps_its_own_reason(shelf: Shelf) -> None:
    await shelf.count(9, "14:00")
    await shelf.move("sale", "sellable", "customer", 1, "14:01", "15:00", "ambiguous_clock")
    assert (await shelf.ledger())[-1][4] == "ambiguous_clock"
    assert await shelf.tasks() == ["ambiguous"]


async def test_what_the_services_own_clock_timed_is_not_ambiguous(shelf: Shelf) -> None:
    await shelf.count(9, "14:00")
    await shelf.move("received", "supplier", "sellable", 1, "14:01")
    assert (await shelf.ledger())[-1][4] is None
    assert await shelf.tasks() == []


async def test_lines_of_one_level_see_what_the_ones_before_them_found(shelf: Shelf) -> None:
    await shelf.opening(10)
    await shelf.sale(1, "12:30")
    await shelf.count(5, "14:00")
    told = await shelf.counts(
        (7, at("13:00")), (8, at("12:00")), (4, at("15:00")), (3, at("15:00")), now=at("16:00")
    )
    assert [(line.expected, line.variance) for line in told] == [(7, 0), (10, -2), (5, -1), (4, -1)]
    assert await shelf.accounts() == (3, 6)
    await shelf.sound()


async def test_a_count_of_what_was_recorded_meanwhile_reads_as_far_back_as_clocks_went_ahead(
    shelf: Shelf,
) -> None:
    """A sale dated two days ahead of its recording (backfilled) still is after the count."""
    await shelf.opening(10)
    await shelf.move("sale", "sellable", "customer", 1, at("12:00") + timedelta(days=2), at("9:00"))
    count = await shelf.count(10, at("12:00") + timedelta(days=1))
    assert (count.expected, count.variance) == (10, 0)
    assert await shelf.accounts() == (9, 0)
    await shelf.sound()


def told_by(steps: list[tuple[str, int, int]], opening: int) -> tuple[int, int]:
    """(sellable, shrink) of a shop where everything is recorded as it happens."""
    sellable, shrink = opening, 0
    for kind, _, quantity in sorted(steps, key=lambda step: (step[1], step[0] == "count")):
        if kind == "count":
            shrink += sellable - quantity
            sellable = quantity
        else:
            sellable -= quantity
    return sellable, shrink


STEPS = st.lists(
    st.tuples(st.sampled_from(["sale", "count"]), st.integers(0, 40), st.integers(0, 9)),
    min_size=1, max_size=9, unique_by=lambda step: (step[0], step[1]),
).flatmap(st.permutations)  # fmt: skip


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, together=st.booleans())
async def test_sales_and_counts_in_any_order_end_as_if_recorded_when_they_happened_i11_i12(
    world: World, steps: list[tuple[str, int, int]], *, together: bool
) -> None:
    """Moments are minutes of half an hour, many of them within two minutes of a count."""
    shelf = await shelf_of(world)
    await shelf.opening(20)
    steps = [step for step in steps if step[0] == "count" or step[2] > 0]
    now = at("18:00")
    if together:  # counts of one call, after the sales
        for kind, minute, quantity in steps:
            if kind == "sale":
                when = at("12:00") + timedelta(minutes=minute)
                await shelf.move("sale", "sellable", "customer", quantity, when, now)
        lines = [
            (quantity, at("12:00") + timedelta(minutes=minute))
            for kind, minute, quantity in steps
            if kind == "count"
        ]
        if lines:
            await shelf.counts(*lines, now=now)
    else:
        for place, (kind, minute, quantity) in enumerate(steps):
            when = at("12:00") + timedelta(minutes=minute)
            later = now + timedelta(minutes=place)
            if kind == "count":
                await shelf.count(quantity, when, later)
            else:
                await shelf.move("sale", "sellable", "customer", quantity, when, later)
    assert await shelf.accounts() == told_by(steps, 20)
    await shelf.sound()
