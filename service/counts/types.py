"""Counts, as they are asked for and as they are told (contract §3, domain §2.5)."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.locations.types import LocationCode

Kind = Literal["full", "cycle", "spot", "ready_shelf"]
State = Literal["open", "counting", "submitted", "recount", "approved", "posted", "cancelled"]

LINES_MAX = 1_000
UNITS_MAX = 1_000_000_000
SkuText = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[^\x00]+\Z")]
ScanText = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"\A[^\x00]+\Z")]
Reason = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\A[^\x00]*[^\s\x00][^\x00]*\Z")
]
"""1 to 200 characters, not only blanks, no NUL (PostgreSQL cannot store it)."""
Employee = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=r"\A[^\x00]*[^\s\x00][^\x00]*\Z")
]
"""The shop's own number or sign of a person, never more (R98)."""
ZoneName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"\A(?!\.{1,2}\Z)[^\x00-\x1f\x7f/]*[^\s\x00-\x1f\x7f/]\Z",
    ),
]
"""What can stand in a path: no slash, no control characters, neither `.` nor `..`."""
TaskId = Annotated[
    str, Meta(pattern=r"\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z", max_length=36)
]
Moment = Annotated[datetime, Meta(tz=True)]


class CountedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was counted of one item, by its SKU or a barcode.

    `counted` is in base units, of a pack's barcode in packs. `counted_at` is when somebody looked
    at the shelf (left out: now).
    """

    sku: SkuText | None = None
    gtin: ScanText | None = None
    counted: Annotated[int, Meta(ge=0, le=UNITS_MAX)]
    counted_at: Moment | None = None


class Scan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One beep, or a number that was typed.

    `quantity` is in base units, of a pack's barcode in packs; 0 says that somebody looked and there
    is none, a negative one takes back what was scanned too much. `zone` may be left out where the
    count has one.
    """

    sku: SkuText | None = None
    gtin: ScanText | None = None
    quantity: Annotated[int, Meta(ge=-UNITS_MAX, le=UNITS_MAX)] = 1
    counted_at: Moment | None = None
    zone: ZoneName | None = None
    employee: Employee | None = None


class ZoneAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A zone by its name."""

    zone: ZoneName


class _Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    location: LocationCode
    kind: Kind | UnsetType = UNSET
    zones: Annotated[list[ZoneName | ZoneAsked], Meta(min_length=1, max_length=500)] | UnsetType = (
        UNSET
    )
    skus: Annotated[list[SkuText], Meta(min_length=1, max_length=LINES_MAX)] | UnsetType = UNSET
    task: TaskId | UnsetType = UNSET
    reason: Reason | None = None


class AskCount(_Ask, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/counts.

    With `lines` a count that is approved as it comes; without, a session of `kind`, counted in
    `zones` (default: one, `all`), perhaps of some `skus` only, or of the item of a `task`.
    """

    lines: Annotated[list[CountedLine], Meta(max_length=LINES_MAX)] | UnsetType = UNSET


class Envelope(_Ask, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same body before its lines are decoded, each by itself."""

    lines: list[msgspec.Raw] | UnsetType = UNSET


class Scans(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/counts/{id}/scans."""

    scans: Annotated[list[Scan], Meta(max_length=LINES_MAX)]


class ScanEnvelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same body before its scans are decoded, each by itself."""

    scans: list[msgspec.Raw]


class Approve(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/counts/{id}/approve.

    `provisional` posts before every till is heard out; `zero_uncounted` takes what nobody scanned
    for gone (full counts, the ready shelf, and counts of named items).
    """

    employee: Employee | None = None
    provisional: bool = False
    zero_uncounted: bool = False


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body without details: `{}`."""


class AskedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line or scan on its way to the database: what it says, or why it is refused."""

    sku: str | None = None
    gtin: str | None = None
    zone: str | None = None
    quantity: int | None = None
    counted_at: datetime | None = None
    employee: str | None = None
    problem: str | None = None
    detail: str | None = None


class LineOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the database decided of one line or scan, as it is remembered."""

    status: Literal["posted", "counted", "refused"]
    sku: str | None = None
    zone: str | None = None
    total: int | None = None
    expected: int | None = None
    variance: int | None = None
    provisional: bool | None = None
    code: str | None = None
    detail: str | None = None


class LineResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one line of an approved count.

    `expected` is what the book had at `counted_at`, as known now; `variance` went to or came from
    shrink. `provisional`: a till of the place may still send what it sold before; it is trued up.
    """

    index: int
    status: Literal["posted", "refused"]
    sku: str | None = None
    expected: int | None = None
    variance: int | None = None
    provisional: bool | None = None
    code: str | None = None
    detail: str | None = None


class PostedCount(msgspec.Struct, frozen=True):
    """Reply of POST /v1/counts with lines: one result a line, in the order given."""

    id: str
    results: list[LineResult]


class ScanResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one scan; `total` is what its zone's line holds now."""

    index: int
    status: Literal["counted", "refused"]
    sku: str | None = None
    zone: str | None = None
    total: int | None = None
    code: str | None = None
    detail: str | None = None


class ScanResults(msgspec.Struct, frozen=True):
    """Reply of POST /v1/counts/{id}/scans: one result a scan, in the order given."""

    id: str
    state: State
    results: list[ScanResult]


class Zone(msgspec.Struct, frozen=True):
    """A part of the place; closed: all of it is counted."""

    zone: str
    scans: int
    closed_at: datetime | None


class Posted(msgspec.Struct, frozen=True):
    """What came of the items that are posted: how many as the book had them, and the differences.

    `net` and `absolute` are in base units.
    """

    items: int
    matching: int
    net: int
    absolute: int


class ToldSession(msgspec.Struct, frozen=True):
    """A count as the database tells it."""

    session_id: str
    location: str
    kind: Kind
    state: State
    round: int
    limited: bool
    reason: str | None
    task_id: str | None
    scans: int
    provisional: bool
    over_tolerance: int | None
    zones: list[Zone]
    posted: Posted | None
    opened_at: datetime
    active_at: datetime
    submitted_at: datetime | None
    approved_at: datetime | None
    approved_by: str | None
    ended_at: datetime | None
    version: int


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A count of a place.

    `limited`: only the items that were named are counted. `round` is 1, and one more with each
    recount. `over_tolerance` (items) is told once the count is handed in, `posted` once it is
    posted, and what the book has not before (blind). `next` says what can be done now.
    """

    id: str
    location: str
    kind: Kind
    state: State
    round: int
    limited: bool
    zones: list[Zone]
    scans: int
    over_tolerance: int | None
    provisional: bool
    posted: Posted | None
    reason: str | None
    task: str | None
    opened_at: datetime
    active_at: datetime
    submitted_at: datetime | None
    approved_at: datetime | None
    approved_by: str | None
    ended_at: datetime | None
    next: str
    recount: list[str] | UnsetType = UNSET


class SessionPage(msgspec.Struct, frozen=True):
    """A page of counts, newest first."""

    items: list[Session]
    next_cursor: str | None


class ZoneLine(msgspec.Struct, frozen=True):
    """What was scanned of an item in one zone; `counted_at` of the last scan, `employee` too."""

    zone: str
    quantity: int
    counted_at: datetime
    employee: str | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a count, in base units.

    `expected` and `variance` are null while it is counted (blind). `moved_meanwhile`: some of it
    was sold or picked between its first and last scan, so that a difference may be none.
    `recount`: it is, or was, counted a second time; `zones` then tell the second time.
    """

    sku: str
    counted: int | None
    counted_at: datetime | None
    expected: int | None
    variance: int | None
    moved_meanwhile: bool | None
    recount: bool
    posted: bool
    zones: list[ZoneLine]


class LinePage(msgspec.Struct, frozen=True):
    """A page of a count's items, by SKU."""

    items: list[Line]
    next_cursor: str | None


class CountTask(msgspec.Struct, frozen=True):
    """What somebody has to go and count, and why."""

    id: str
    location: str
    sku: str
    name: str
    reason: str
    opened_at: datetime


class TaskPage(msgspec.Struct, frozen=True):
    """A page of open tasks, oldest first."""

    items: list[CountTask]
    next_cursor: str | None
