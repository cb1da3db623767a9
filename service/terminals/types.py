"""Tills as they, and the people who look after them, say them (contract §5)."""

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.locations.types import LocationCode

TerminalCode = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}(?!\n)$", max_length=32)
]
Sequence = Annotated[int, Meta(ge=1, le=999_999_999_999)]
LastSequence = Annotated[int, Meta(ge=0, le=999_999_999_999)]
"""0: it has given no number yet."""
Epoch = Annotated[int, Meta(ge=1, le=1_000_000)]
Moment = Annotated[dt.datetime, Meta(tz=True)]

State = Literal["online", "stale", "offline", "catching_up", "reconciled"]


class PutTerminal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PUT /v1/pos/terminals/{terminal}: a till, where it stands and in which life.

    `epoch` is raised when a till is replaced; `first_sequence` is the first number it will send;
    `in_service` false: taken away for good, so that it makes nothing stale any more.
    """

    location: LocationCode
    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\u0000]+$")] | None = None
    epoch: Epoch | None = None
    first_sequence: Sequence | None = None
    in_service: bool | None = None


class Heartbeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a heartbeat: what the till's clock shows, and which number it gave last."""

    sent_at: Moment
    last_sequence: LastSequence


class PutClosing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a closing (the Z-count): how many receipts the till made that day.

    `last_sequence` is the last number it gave that day (0: none ever).
    """

    business_date: dt.date
    receipts: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    last_sequence: LastSequence


class Closing(msgspec.Struct, frozen=True):
    """A day's Z-count beside what came."""

    business_date: dt.date
    announced: int
    received: int


class Terminal(msgspec.Struct, frozen=True, kw_only=True):
    """A till in its newest life.

    `contiguous_through`: everything up to there has come, or was accepted as never coming. `gaps`:
    what is missing, as [first, last]. `synced_through`: up to then nothing is unsent, by its own
    word. `lag_seconds`: from occurred to recorded, of its newest receipt. `clock_offset_seconds`:
    by how much its clock is behind ours. Nulls: it never said anything.
    """

    terminal: str
    location: str
    name: str | None
    epoch: int
    in_service: bool
    state: State
    first_sequence: int | None
    last_sequence: int | None
    contiguous_through: int | None
    gaps: list[tuple[int, int]]
    synced_through: dt.datetime | None
    last_seen_at: dt.datetime | None
    lag_seconds: int | None
    clock_offset_seconds: int | None
    closing: Closing | None


class TerminalPage(msgspec.Struct, frozen=True):
    """A page of terminals."""

    items: list[Terminal]
    next_cursor: str | None


class Replaced(msgspec.Struct, frozen=True):
    """What another closing of the same day had said."""

    receipts: int
    last_sequence: int


class Closed(Terminal, frozen=True, kw_only=True):
    """The till after its closing; `replaced` is what it had said of that day before, if other."""

    replaced: Replaced | None


class TerminalDay(Terminal, frozen=True, kw_only=True):
    """A till in the reconciliation of a day; `closing` is that day's."""

    receipts: int
    units: int
    unmapped_units: int
    lag_seconds_max: int | None


class UnmappedCode(msgspec.Struct, frozen=True):
    """What was sold under a barcode (or number) that nobody knows."""

    code: str | None
    units: int
    lines: int


class PlaceDay(msgspec.Struct, frozen=True, kw_only=True):
    """What a place and its tills leave open on one day of its calendar.

    `open`: open exceptions by kind. `drift`: the sum of |variance| over expected units, of each
    item's newest count until that day; null where nothing was counted.
    """

    location: str
    name: str
    date: dt.date
    stale_since: dt.datetime | None
    doubtful: bool
    terminals: list[TerminalDay]
    open: dict[str, int]
    unmapped: list[UnmappedCode]
    counted_items: int
    variance: int
    expected: int
    drift: float | None
    last_verified_at: dt.datetime | None


class Reconciliation(msgspec.Struct, frozen=True):
    """A page of places, by code."""

    items: list[PlaceDay]
    next_cursor: str | None
