"""Nouns of the places: opening hours, closures, pickup, and the location itself.

Shapes follow contract §2 and §12. What a type, a pattern or a bound can tell is refused while
decoding (`msgspec.ValidationError`, 400); what only the whole body can tell (an unknown zone,
overlapping spans, a wrong check digit) is found by `rules.problems` (422).
"""

import datetime as dt
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

LocationCode = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}(?!\n)$", max_length=32)]
"""The code a location is known by: lower case letters, digits and hyphens."""

Name = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")
]
"""1 to 200 characters, not only blanks, no NUL (PostgreSQL cannot store it)."""

ShortText = Annotated[str, Meta(max_length=200, pattern=r"^[^\u0000]*$")]
LongText = Annotated[str, Meta(max_length=2000, pattern=r"^[^\u0000]*$")]

SpanStart = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]
SpanEnd = Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", max_length=5)]

Span = tuple[SpanStart, SpanEnd]
"""Local wall times from (included) and to (not included); the end may be "24:00"."""

DaySpans = Annotated[tuple[Span, ...], Meta(max_length=12)]
"""The spans of one day, earliest first, not overlapping; none means closed."""

Kind = Literal["store", "flagship", "outlet", "popup", "warehouse", "webshop", "dealer"]
State = Literal["open", "closing", "closed"]
"""`closing` still sells and hands over, but takes no new holds."""

ZoneName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}(?!\n)$", max_length=64)
]
"""An IANA zone by its shape; `rules.problems` knows which exist."""

Minutes = Annotated[int, Meta(ge=0, le=14_400)]
"""Open minutes; at most ten days and nights of them."""

Units = Annotated[int, Meta(ge=0, le=1_000_000_000)]
"""A quantity in base units (contract §12, Tills: up to 10⁹)."""

DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Field names of `OpeningHours` in the order of `date.weekday()`."""


class OpeningHours(Struct, frozen=True, forbid_unknown_fields=True):
    """A week of opening hours in the location's own wall time; a missing day is closed."""

    mon: DaySpans = ()
    tue: DaySpans = ()
    wed: DaySpans = ()
    thu: DaySpans = ()
    fri: DaySpans = ()
    sat: DaySpans = ()
    sun: DaySpans = ()


class Closure(Struct, frozen=True, forbid_unknown_fields=True):
    """A date with hours of its own, which replace the week's; no hours means closed all day."""

    date: dt.date
    hours: DaySpans = ()
    reason: ShortText | None = None


class Pickup(Struct, frozen=True, forbid_unknown_fields=True):
    """Click & collect at a location (contract §2, §12 "Promise inputs").

    An order is promised after `promise_open_minutes`; on a later opening no earlier than
    `pick_open_minutes` after it. `cut_off` is a local wall time after which orders count from the
    next opening; `daily_max` is the number of orders that one day takes.
    """

    enabled: bool
    promise_open_minutes: Minutes = 120
    pick_open_minutes: Minutes = 60
    instructions: LongText | None = None
    cut_off: SpanStart | None = None
    daily_max: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


NO_PICKUP: Final = Pickup(enabled=False)


class PutLocation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `PUT /v1/locations/{location}` (contract §2).

    `safety_stock` left out means 1 where goods are shown to people and 0 in a warehouse or a
    webshop (`rules.effective_safety_stock`). `cell` counts only when the location is made;
    left out it is 1 then, and stays as it is later.
    """

    name: Name
    kind: Kind
    time_zone: ZoneName
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$", max_length=2)] | None = None
    region: ShortText | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    gln: Annotated[str, Meta(pattern=r"^[0-9]{13}$", max_length=13)] | None = None
    opening_hours: OpeningHours = OpeningHours()
    closures: Annotated[tuple[Closure, ...], Meta(max_length=1000)] = ()
    pickup: Pickup = NO_PICKUP
    safety_stock: Units | None = None
    state: State = "open"
    cell: Annotated[int, Meta(ge=1, le=32_767)] | None = None


class Location(PutLocation, frozen=True, kw_only=True):
    """What `GET /v1/locations/{location}` gives: the body that was put, and the code."""

    location: LocationCode
