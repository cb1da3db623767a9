"""Reading availability: lanes over the primary, never a cache of quantities."""

import asyncio
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import msgspec

from service.availability.rules import Known
from service.availability.types import BrowsedItem, PairTold, PlaceRow
from service.db import Command, Db
from service.locations.reads import all_cells
from service.locations.rules import Calendar
from service.locations.types import Closure, OpeningHours, Pickup


class Found(msgspec.Struct, frozen=True):
    """One item's places; `sequence` counts all its changes, `at` is the last one's time."""

    code: Literal["found", "unknown_sku"]
    sequence: int = 0
    at: datetime | None = None
    places: list[PlaceRow] = []


class ReadAvailability(Command[Found], frozen=True, kw_only=True):
    """One question: an item, a point, how far, how many; `everywhere` adds places without it."""

    function: ClassVar[str] = "availability.read_availability"
    outcome: ClassVar[type[Any]] = Found
    batch_max: ClassVar[int] = 64
    shared: ClassVar[bool] = True
    sku: str
    latitude: float | None
    longitude: float | None
    radius_km: float
    most: int
    everywhere: bool
    locations: list[str] | None


class PairsFound(msgspec.Struct, frozen=True):
    """The pairs that exist, in the order asked."""

    code: Literal["found"]
    items: list[PairTold]


class QueryPairs(Command[PairsFound], frozen=True, kw_only=True):
    """Many items at many places."""

    function: ClassVar[str] = "availability.query_pairs"
    outcome: ClassVar[type[Any]] = PairsFound
    batch_max: ClassVar[int] = 4_000
    queue_max: ClassVar[int] = 64_000
    skus: list[str]
    locations: list[str]

    def weight(self) -> int:
        """The number of pairs."""
        return len(self.skus) * len(self.locations)


class _PlaceDocument(msgspec.Struct, frozen=True):
    location_id: int
    version: int
    location: str
    name: str
    kind: str
    state: str
    time_zone: str
    opening_hours: str
    closures: str
    pickup: str


class Places:
    """Names, hours and pickup of places, kept under their version.

    The database tells the version with every read, so a place that changed is read again before
    it is told.
    """

    def __init__(self) -> None:
        """Empty; one per process."""
        self._known: dict[int, Known] = {}
        self._reading = asyncio.Lock()  # what many ask for at once is read once

    async def of(self, db: Db, rows: list[PlaceRow]) -> list[Known]:
        """What is known of each row's place, at that version or a newer one."""
        if self._stale(rows):
            async with self._reading:
                if stale := self._stale(rows):
                    await self._read(db, stale)
        known = self._known
        return [known[row.location_id] for row in rows]

    def _stale(self, rows: list[PlaceRow]) -> list[int]:
        known = self._known
        return [
            row.location_id
            for row in rows
            if (found := known.get(row.location_id)) is None or found.version < row.location_version
        ]

    async def _read(self, db: Db, stale: list[int]) -> None:
        for place in await db.many(_PlaceDocument, "availability.places_by_id", stale):
            self._known[place.location_id] = Known(
                place.version,
                place.location,
                place.name,
                place.kind,
                place.state,
                Calendar(
                    msgspec.json.decode(place.opening_hours, type=OpeningHours),
                    msgspec.json.decode(place.closures, type=tuple[Closure, ...]),
                    place.time_zone,
                ),
                msgspec.json.decode(place.pickup, type=Pickup),
            )


class Cells:
    """The cells that have places, read again after a second: a new one is known within that."""

    FRESH_SECONDS = 1.0

    def __init__(self) -> None:
        """Empty; one per process."""
        self._cells: list[int] = []
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def now(self, db: Db) -> list[int]:
        """Every cell; with one cell that is [1]."""
        clock = asyncio.get_running_loop().time
        if self._until < clock():
            async with self._reading:
                if self._until < clock():
                    self._cells = await all_cells(db) or [1]
                    self._until = clock() + self.FRESH_SECONDS
        return self._cells

    async def knows(self, db: Db, cell: int) -> bool:
        """Whether there is such a cell: an id may name any, and each would open a lane."""
        if cell in self._cells or cell in db.cells.values():
            return True  # a cell never goes away
        self._until = 0.0
        return cell in await self.now(db)


async def items_of_location(
    db: Db,
    cell: int,
    location: str,
    *,
    in_stock: bool,
    category: str | None,
    words: str | None,
    sku: str | None,
    after: str | None,
    limit: int,
) -> list[BrowsedItem]:
    """A page of one place's stock, by SKU."""
    return await db.many(
        BrowsedItem,
        "availability.items_of_location",
        cell,
        location,
        in_stock,
        category,
        words,
        after,
        limit,
        db.now,
        sku,
    )


def clock(db: Db) -> datetime:
    """The time that opening hours are judged by: the tests' or the machine's."""
    return db.now or datetime.now(UTC)


def join_cells(answers: list[Found], most: int) -> Found:
    """One answer from those of several cells: nearest first, then as each cell ordered them."""
    found = [answer for answer in answers if answer.code == "found"]
    if not found:
        return answers[0]
    places = sorted(
        (row for answer in found for row in answer.places),
        key=lambda row: (row.distance is None, row.distance or 0.0),
    )
    times = [answer.at for answer in found if answer.at is not None]
    return Found(
        code="found",
        sequence=sum(answer.sequence for answer in found),
        at=max(times) if times else None,
        places=places[:most],
    )
