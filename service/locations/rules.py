"""Opening hours, promises and the checks of a location's body; pure (domain.md §1.6, §2.8).

Wall times belong to the location's IANA zone, results are instants in UTC. An ambiguous wall time
is the later instant, a missing one is shifted forward; minutes are elapsed minutes.
"""

import datetime as dt
import math
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from biip.checksums import gs1_standard_check_digit

from service.locations.types import (
    DAY_NAMES,
    Closure,
    OpeningHours,
    Pickup,
    PutLocation,
    Span,
)

LOOK_AHEAD_DAYS: Final = 60
"""No opening within so many days means: no promise."""

LAST_MOMENT_SECONDS: Final = 30 * 60
"""A promise nearer to closing than this moves to the next opening (domain.md §2.8)."""

BACKLOG_FREE_LINES: Final = 20
BACKLOG_MINUTES_PER_LINE: Final = 2
"""Contract §12, Promise inputs: backlog adds max(0, open lines - 20) x 2 open minutes."""

_DAY_SECONDS: Final = 86_400
_CACHE_BEHIND_DAYS: Final = 2
_CACHE_AHEAD_DAYS: Final = 14
"""The cached spans answer for questions from 2 days ago to 14 days ahead: rebuilt fortnightly."""

_KINDS_WITHOUT_SHOWROOM: Final = frozenset({"warehouse", "webshop"})
_NOT_A_PLACE: Final = frozenset({"localtime", "Factory", "posixrules"})

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

_SLACK_DAYS: Final = 15
"""Built beyond the 60 days, so that a span which begins on the last of them has its end."""

Problem = tuple[str, str, str]
"""JSON pointer, code, detail (contract §1, Errors)."""

Windows = tuple[list[int], list[int]]
"""Merged open spans as epoch seconds: their starts, and their ends at the same index."""


def minute_of_day(clock: str) -> int:
    """Minutes since midnight of "HH:MM"; "24:00" is 1440."""
    return int(clock[:2]) * 60 + int(clock[3:])


def local_instant(day: dt.date, minute: int, zone: dt.tzinfo) -> int:
    """Epoch seconds of a wall time given as minutes since midnight (1440 is the next midnight).

    Of the two folds the larger is right in both odd cases: an ambiguous time has its later
    instant there, and a missing one is there read with the offset before the gap, which shifts
    it forward (domain.md §1.6).
    """
    wall = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minute)
    early = wall.replace(tzinfo=zone).timestamp()
    late = wall.replace(tzinfo=zone, fold=1).timestamp()
    return int(max(early, late))


def day_problem(spans: Iterable[Span]) -> tuple[str, str] | None:
    """The code and detail of what is wrong with the spans of one day, or None."""
    last_end = -1
    for start, end in spans:
        if minute_of_day(start) >= minute_of_day(end):
            return "bad_span", f"{start}-{end} ends before it begins; a night is two spans"
        if minute_of_day(start) < last_end:
            return "overlapping_spans", f"{start}-{end} begins before the span in front of it ends"
        last_end = minute_of_day(end)
    return None


class _Terms(NamedTuple):
    """A promise in seconds: to spend, to pick in after an opening, to leave before a close."""

    need: int
    pick: int
    last_moment: int


class Calendar:
    """The opening hours of one location, compiled; build it once per version of the location.

    Keeps the open spans around the last question as sorted epoch seconds, so that a question
    costs one bisection. Safe to share between threads: the cache is replaced, never changed.
    Raises ValueError (naming the day) for hours that `problems` would report, and
    `zoneinfo.ZoneInfoNotFoundError` for an unknown zone.
    """

    __slots__ = ("_cached", "_closures", "_cut", "_week", "zone")

    def __init__(self, hours: OpeningHours, closures: Iterable[Closure], time_zone: str) -> None:
        self.zone: Final = ZoneInfo(time_zone)
        self._week: Final = tuple(_minutes(getattr(hours, name), name) for name in DAY_NAMES)
        self._closures: Final = {
            closure.date: _minutes(closure.hours, closure.date.isoformat()) for closure in closures
        }
        self._cached: tuple[int, int, Windows] = (0, 0, ([], []))
        self._cut: tuple[str, int, int, int] = ("", 0, 0, 0)

    def spans_on(self, day: dt.date) -> tuple[tuple[int, int], ...]:
        """The open spans of a local date, in minutes since its midnight; a closure overrides."""
        special = self._closures.get(day)
        return self._week[day.weekday()] if special is None else special

    def is_open(self, at: dt.datetime) -> bool:
        """Whether the location is open at an instant (aware); the closing minute is closed."""
        second = math.floor(_epoch(at))
        starts, ends = self._around(second)
        index = bisect_right(starts, second) - 1
        return index >= 0 and second < ends[index]

    def next_opening(self, at: dt.datetime) -> dt.datetime | None:
        """When the location opens the next time after `at`; None if not within 60 days."""
        second = math.floor(_epoch(at))
        starts, _ = self._around(second)
        index = bisect_right(starts, second)
        if index == len(starts) or starts[index] > second + LOOK_AHEAD_DAYS * _DAY_SECONDS:
            return None
        return _utc(starts[index])

    def closing_on(self, day: dt.date) -> dt.datetime | None:
        """The last close of a local date, else of the next open day; None if not in 60 days."""
        for ahead in range(LOOK_AHEAD_DAYS + 1):
            date = day + dt.timedelta(days=ahead)
            if spans := self.spans_on(date):
                return _utc(local_instant(date, spans[-1][1], self.zone))
        return None

    def open_seconds(self, start: dt.datetime, end: dt.datetime) -> int:
        """How many whole seconds the location is open from `start` to `end`."""
        first, last = math.floor(_epoch(start)), math.floor(_epoch(end))
        windows = self._windows(_local_day(first, self.zone), _local_day(last, self.zone))
        return sum(
            max(0, min(close, last) - max(opening, first))
            for opening, close in zip(*windows, strict=True)
        )

    def add_open_minutes(self, start: dt.datetime, minutes: int) -> dt.datetime | None:
        """The instant at which so many open minutes have passed since `start` (not lifted)."""
        found = self._walk(_epoch(start), _Terms(minutes * 60, 0, 0), None, ())
        return None if found is None else _utc(found)

    def ready_from(
        self,
        pickup: Pickup,
        now: dt.datetime,
        *,
        backlog_lines: int = 0,
        full_days: Collection[dt.date] = (),
    ) -> dt.datetime | None:
        """When an order placed at `now` is promised (domain.md §2.8, contract §11 "Promise").

        `backlog_lines` are the place's open lines, `full_days` the local dates that have their
        `daily_max` already. None: no pickup here, or no opening within 60 days that it fits in.
        """
        if not pickup.enabled:
            return None
        minutes = pickup.promise_open_minutes
        if backlog_lines > BACKLOG_FREE_LINES:
            minutes += (backlog_lines - BACKLOG_FREE_LINES) * BACKLOG_MINUTES_PER_LINE
        terms = _Terms(minutes * 60, pickup.pick_open_minutes * 60, LAST_MOMENT_SECONDS)
        at = _epoch(now)
        start = None if pickup.cut_off is None else self._start_after(at, pickup.cut_off)
        found = self._walk(at, terms, start, full_days)
        return None if found is None else _utc(found)

    def _walk(
        self, now: float, terms: _Terms, start: int | None, full_days: Collection[dt.date]
    ) -> int | None:
        """Spend the terms' seconds in open spans from `now`, or from `start` where it is given.

        A span that the order was placed in is not lifted; every other one is, and so is the rest
        of a span that a rule (cut-off, full day) made the order wait for.
        """
        need, pick, last_moment = terms
        starts, ends = self._around(math.floor(now))
        index = max(0, bisect_right(starts, now) - 1)
        placed_in = index if start is None and starts and starts[index] <= now else -1
        clock = math.ceil(now) if start is None else start
        limit = now + LOOK_AHEAD_DAYS * _DAY_SECONDS
        while index < len(starts) and starts[index] <= limit:
            begin, end = max(starts[index], clock), ends[index]
            ready = begin + (need if index == placed_in else max(need, pick))
            if begin >= end:
                pass
            elif need > end - begin:
                need -= end - begin
            elif ready + last_moment > end:
                need = 0
            elif full_days and (day := _local_day(ready, self.zone)) in full_days:
                need, placed_in = 0, -1
                clock = local_instant(day + dt.timedelta(days=1), 0, self.zone)
                continue
            else:
                return ready
            index += 1
        return None

    def _start_after(self, now: float, cut_off: str) -> int | None:
        """Where an order that missed today's cut-off starts to count; None if it did not.

        That is the next opening; midnight counts as one in a shop that is open through it.
        """
        known, morning, cut, midnight = self._cut
        if known != cut_off or not morning <= now < midnight:
            day = _local_day(math.floor(now), self.zone)
            morning = local_instant(day, 0, self.zone)
            cut = local_instant(day, minute_of_day(cut_off), self.zone)
            midnight = local_instant(day + dt.timedelta(days=1), 0, self.zone)
            self._cut = (cut_off, morning, cut, midnight)
        if now <= cut:
            return None
        starts, _ = self._around(math.floor(now))
        index = bisect_right(starts, now)
        return min(midnight, starts[index]) if index < len(starts) else midnight

    def _around(self, second: int) -> Windows:
        """The merged open spans from before `second` to at least 60 days after it, cached."""
        valid_from, valid_to, windows = self._cached
        if not valid_from <= second < valid_to:
            day = _local_day(second, self.zone)
            behind, ahead = (dt.timedelta(days=n) for n in (_CACHE_BEHIND_DAYS, _CACHE_AHEAD_DAYS))
            windows = self._windows(
                day - behind - dt.timedelta(days=1),
                day + ahead + dt.timedelta(days=LOOK_AHEAD_DAYS + _SLACK_DAYS),
            )
            valid_from = local_instant(day - behind, 0, self.zone)
            valid_to = local_instant(day + ahead, 0, self.zone)
            self._cached = (valid_from, valid_to, windows)
        return windows

    def _windows(self, first: dt.date, last: dt.date) -> Windows:
        """The open spans of the local dates from first to last, touching ones made one."""
        starts: list[int] = []
        ends: list[int] = []
        for number in range((last - first).days + 1):
            day = first + dt.timedelta(days=number)
            for opening, closing in self.spans_on(day):
                start = local_instant(day, opening, self.zone)
                end = local_instant(day, closing, self.zone)
                if ends and start <= ends[-1]:
                    ends[-1] = max(ends[-1], end)
                elif start < end:
                    starts.append(start)
                    ends.append(end)
        return starts, ends


@lru_cache(maxsize=4096)
def calendar_of(hours: OpeningHours, closures: tuple[Closure, ...], time_zone: str) -> Calendar:
    """The compiled calendar of these hours, made once; hot paths keep it beside the location."""
    return Calendar(hours, closures, time_zone)


def is_open(
    hours: OpeningHours, closures: tuple[Closure, ...], time_zone: str, at: dt.datetime
) -> bool:
    """Whether a place with these hours is open at an instant (aware)."""
    return calendar_of(hours, closures, time_zone).is_open(at)


def next_opening(
    hours: OpeningHours, closures: tuple[Closure, ...], time_zone: str, at: dt.datetime
) -> dt.datetime | None:
    """When a place with these hours opens the next time after `at`; None if not in 60 days."""
    return calendar_of(hours, closures, time_zone).next_opening(at)


def add_open_minutes(
    hours: OpeningHours,
    closures: tuple[Closure, ...],
    time_zone: str,
    start: dt.datetime,
    minutes: int,
) -> dt.datetime | None:
    """The instant at which so many open minutes have passed since `start` (not lifted)."""
    return calendar_of(hours, closures, time_zone).add_open_minutes(start, minutes)


def ready_from(location: PutLocation, now: dt.datetime) -> dt.datetime | None:
    """When an order placed now at this location is promised; None where it takes none."""
    if location.state != "open" or not location.pickup.enabled:
        return None
    calendar = calendar_of(location.opening_hours, location.closures, location.time_zone)
    return calendar.ready_from(location.pickup, now)


def effective_safety_stock(body: PutLocation) -> int:
    """Units kept back from promises: as given, else 1, or 0 where no customer walks in."""
    if body.safety_stock is not None:
        return body.safety_stock
    return 0 if body.kind in _KINDS_WITHOUT_SHOWROOM else 1


def gln_problem(gln: str) -> str | None:
    """What is wrong with the check digit of a 13-digit GLN, or None."""
    expected = gs1_standard_check_digit(gln[:-1])
    if int(gln[-1]) == expected:
        return None
    return f"the check digit of {gln} should be {expected}, not {gln[-1]}"


def problems(body: PutLocation) -> list[Problem]:
    """Everything that a decoded body gets wrong in itself, as (pointer, code, detail); 422."""
    return list(_problems(body))


def _problems(body: PutLocation) -> Iterator[Problem]:
    if body.time_zone not in _zone_names():
        yield "/time_zone", "unknown_time_zone", f"{body.time_zone} is no IANA time zone"
    if (body.latitude is None) != (body.longitude is None):
        missing = "latitude" if body.latitude is None else "longitude"
        yield f"/{missing}", "coordinates_incomplete", "latitude and longitude go together"
    if body.gln is not None and (detail := gln_problem(body.gln)):
        yield "/gln", "bad_check_digit", detail
    for name in DAY_NAMES:
        if found := day_problem(getattr(body.opening_hours, name)):
            yield f"/opening_hours/{name}", *found
    seen: set[dt.date] = set()
    for index, closure in enumerate(body.closures):
        if closure.date in seen:
            detail = f"{closure.date} has its hours already"
            yield f"/closures/{index}/date", "closure_repeated", detail
        seen.add(closure.date)
        if found := day_problem(closure.hours):
            yield f"/closures/{index}/hours", *found


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    """The zones of the machine's database (or of tzdata), read once per process."""
    return frozenset(available_timezones()) - _NOT_A_PLACE


def _minutes(spans: Iterable[Span], day: str) -> tuple[tuple[int, int], ...]:
    """Spans as minutes since midnight; ValueError that names the day for spans that are wrong."""
    if found := day_problem(spans):
        message = f"{day}: {found[1]}"
        raise ValueError(message)
    return tuple((minute_of_day(start), minute_of_day(end)) for start, end in spans)


def _epoch(at: dt.datetime) -> float:
    """Epoch seconds of an aware datetime; a naive one is a bug, never a guess at the zone."""
    if at.tzinfo is None:
        message = "a time without an offset is ambiguous"
        raise ValueError(message)
    return at.timestamp()


def _utc(second: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(second, dt.UTC)


def _local_day(second: int, zone: dt.tzinfo) -> dt.date:
    return dt.datetime.fromtimestamp(second, zone).date()


def code_problems(code: str) -> list[Problem]:
    """What keeps a text from being the code of a location (contract §1)."""
    if _CODE.fullmatch(code):
        return []
    detail = "a location code has 1 to 32 of a-z, 0-9 and -, and does not begin with -"
    return [("/location", "invalid_value", detail)]
