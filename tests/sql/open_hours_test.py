"""Opening hours between two instants: SQL's and Python's rules are two computations of one rule.

Domain §1.6: closures replace a day, nights are two spans, clocks jump (R17, R98).
"""

import datetime as dt
import json
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.locations.rules import calendar_of
from service.locations.types import DAY_NAMES, Closure, OpeningHours

ZONES = ("Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe", "Europe/Dublin", "UTC")
HOUR = dt.timedelta(hours=1)
# both changes of 2026 in Europe, and of the others within the ranges that are asked for
BASE = dt.datetime(2026, 3, 20, tzinfo=dt.UTC)


async def open_hours(
    owner: asyncpg.Connection,
    hours: dict[str, Any],
    closures: list[dict[str, Any]],
    zone: str,
    start: dt.datetime,
    end: dt.datetime,
) -> float:
    """What SQL says of a place that is there for one question only."""
    transaction = owner.transaction()
    await transaction.start()
    try:
        found = await owner.fetchval(
            "with made as (insert into locations.location (location, name, kind, time_zone,"
            " opening_hours, closures, pickup, safety_stock, changed_at) values ('openhours', 'A',"
            " 'store', $1, $2::jsonb, $3::jsonb, '{}', 0, now()) returning location_id)"
            " select location_id from made",
            zone,
            json.dumps(hours),
            json.dumps(closures),
        )
        return await owner.fetchval(  # type: ignore[no-any-return]
            "select locations.open_hours($1, $2, $3)", found, start, end
        )
    finally:
        await transaction.rollback()


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


spans = st.lists(st.integers(0, 96).map(lambda quarter: quarter * 15), max_size=6, unique=True).map(
    lambda edges: [
        [clock(a), clock(b)] for a, b in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    ]
)
nights = st.sampled_from(
    ([["00:00", "02:30"], ["02:30", "24:00"]], [["00:00", "24:00"]], [["02:15", "03:00"]])
)
weeks = st.fixed_dictionaries({day: st.one_of(spans, nights) for day in DAY_NAMES})
closed = st.lists(
    st.tuples(st.integers(0, 260), spans), max_size=4, unique_by=lambda entry: entry[0]
).map(
    lambda found: [
        {"date": (BASE.date() + dt.timedelta(days=day)).isoformat(), "hours": of}
        for day, of in found
    ]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    hours=weeks,
    closures=closed,
    zone=st.sampled_from(ZONES),
    begin=st.integers(0, 250 * 1440),
    minutes=st.one_of(st.integers(0, 3 * 1440), st.integers(0, 240 * 1440)),
)
async def test_sql_counts_open_hours_as_python_does(
    owner: asyncpg.Connection,
    hours: dict[str, Any],
    closures: list[dict[str, Any]],
    zone: str,
    begin: int,
    minutes: int,
) -> None:
    start = BASE + dt.timedelta(minutes=begin)
    end = start + dt.timedelta(minutes=minutes)
    week = msgspec.convert(hours, OpeningHours)
    days = tuple(msgspec.convert(closures, list[Closure]))
    if not any(hours.values()) and not any(closure["hours"] for closure in closures):
        expected = minutes / 60  # no opening hours at all: always open
    else:
        expected = calendar_of(week, days, zone).open_seconds(start, end) / 3600
    found = await open_hours(owner, hours, closures, zone, start, end)
    assert found == pytest.approx(expected, abs=1e-6)


WEEK = {day: [["10:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
CPH = "Europe/Copenhagen"


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-21T09:00", "2026-11-21T10:30", 1.5),  # a Saturday, opens at 09:00Z
        ("2026-11-21T16:00", "2026-11-23T09:30", 1.5),  # its evening, Sunday, Monday's opening
        ("2026-11-22T00:00", "2026-11-22T23:00", 0),  # Sunday
        ("2026-11-21T12:00", "2026-11-21T12:00", 0),
        ("2026-11-21T12:00", "2026-11-20T12:00", 0),  # backwards
    ],
)
async def test_hours_of_a_shop(
    owner: asyncpg.Connection, start: str, end: str, expected: float
) -> None:
    assert await open_hours(owner, WEEK, [], CPH, utc(start), utc(end)) == expected


async def test_a_night_over_the_end_of_summer_time_has_an_hour_more(
    owner: asyncpg.Connection,
) -> None:
    always = {day: [["00:00", "24:00"]] for day in DAY_NAMES}
    start, end = utc("2026-10-24T22:00"), utc("2026-10-25T23:00")  # Sunday in Copenhagen
    assert await open_hours(owner, always, [], CPH, start, end) == 25


async def test_a_place_without_any_hours_is_always_open(owner: asyncpg.Connection) -> None:
    start, end = utc("2026-11-21T12:00"), utc("2026-11-22T14:30")
    assert await open_hours(owner, {}, [], CPH, start, end) == 26.5


async def test_ten_years_are_counted_by_the_mean_week_before_the_last_400_days(
    owner: asyncpg.Connection,
) -> None:
    start, end = utc("2016-11-21T12:00"), utc("2026-11-21T12:00")
    weeks = (end - start).days / 7
    found = await open_hours(owner, WEEK, [], CPH, start, end)
    assert found == pytest.approx(weeks * 48, rel=0.001)
