"""Promises of any shop at any time, and against a second, simpler telling of the rule."""

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.locations.rules import Calendar
from service.locations.types import DAY_NAMES, OpeningHours, Pickup, Span

CPH = ZoneInfo("Europe/Copenhagen")


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def spans(earliest: int) -> st.SearchStrategy[tuple[Span, ...]]:
    minutes = st.lists(st.integers(earliest // 5, 288), unique=True, max_size=6)
    return minutes.map(sorted).map(
        lambda m: tuple((clock(a * 5), clock(b * 5)) for a, b in zip(m[::2], m[1::2], strict=False))
    )


def weeks(earliest: int = 0) -> st.SearchStrategy[OpeningHours]:
    return st.builds(OpeningHours, *[spans(earliest)] * 7)


ZONES = ("Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
MOMENTS = st.integers(0, 235 * 86_400 * 1000).map(
    lambda milliseconds: (
        dt.datetime(2026, 3, 20, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
    )
)
PICKUPS = st.builds(
    lambda pick, more, cut_off: Pickup(
        enabled=True, promise_open_minutes=pick + more, pick_open_minutes=pick, cut_off=cut_off
    ),
    st.integers(0, 120),
    st.integers(0, 600),
    st.none() | st.integers(0, 1439).map(clock),
)


@given(
    weeks(),
    st.sampled_from(ZONES),
    PICKUPS,
    MOMENTS,
    st.timedeltas(dt.timedelta(), dt.timedelta(days=3)),
)
@settings(max_examples=300, deadline=None)
def test_a_promise_is_in_open_time_before_the_close_and_never_earlier_for_a_later_order(
    hours: OpeningHours, zone: str, pickup: Pickup, placed: dt.datetime, later: dt.timedelta
) -> None:
    shop = Calendar(hours, (), zone)
    ready = shop.ready_from(pickup, placed)
    assume(ready is not None)
    assert ready is not None
    assert ready >= placed
    assert ready.microsecond == 0
    assert shop.is_open(ready)
    assert shop.is_open(ready + dt.timedelta(minutes=29, seconds=59))
    waited = shop.open_seconds(placed, ready)
    assert waited >= pickup.promise_open_minutes * 60
    assert (shop.ready_from(pickup, placed + later) or ready) >= ready


def counted_by_minutes(
    hours: OpeningHours, pickup: Pickup, placed: dt.datetime, days: int
) -> dt.datetime | None:
    """The rule of domain.md §2.8 told a second time, minute by minute on the local clock."""
    day = tuple(getattr(hours, name) for name in DAY_NAMES)

    def open_at(index: int) -> bool:
        local = (placed + dt.timedelta(minutes=index)).astimezone(CPH)
        now = f"{local:%H:%M}"
        return any(start <= now < end for start, end in day[local.weekday()])

    opened = [open_at(index) for index in range(days * 1440)]
    opened.append(False)
    left, begin, placed_inside = pickup.promise_open_minutes, None, opened[0]
    index = 0
    while index < len(opened):
        if not opened[index]:
            index += 1
            continue
        begin = index
        end = opened.index(False, begin)
        pick = 0 if placed_inside and begin == 0 else pickup.pick_open_minutes
        ready = begin + max(left, pick)
        if left <= end - begin:
            if ready <= end - 30:
                return placed + dt.timedelta(minutes=ready)
            left = 0
        else:
            left -= end - begin
        index = end
    return None


@given(
    weeks(earliest=240),
    st.builds(Pickup, st.just(value=True), st.integers(1, 400), st.integers(0, 120)),
    MOMENTS.map(lambda at: at.replace(second=0, microsecond=0)),
)
@settings(max_examples=150, deadline=None)
def test_the_promise_agrees_with_a_clock_that_is_read_minute_by_minute(
    hours: OpeningHours, pickup: Pickup, placed: dt.datetime
) -> None:
    expected = counted_by_minutes(hours, pickup, placed, days=9)
    assume(expected is not None)
    assert Calendar(hours, (), CPH.key).ready_from(pickup, placed) == expected
