"""Reading counts, their items, and what is to be counted. One query each."""

from datetime import datetime

import msgspec

from service.counts.types import CountTask, Line, ToldSession, ZoneLine
from service.db import Db


class _Stored(msgspec.Struct, frozen=True):
    body: str


class _Line(msgspec.Struct, frozen=True):
    """A row of lines_after."""

    sku: str
    counted: int | None
    counted_at: datetime | None
    expected: int | None
    variance: int | None
    moved_meanwhile: bool | None
    recount: bool
    posted: bool
    zones: str


_session = msgspec.json.Decoder(ToldSession).decode
_zones = msgspec.json.Decoder(list[ZoneLine]).decode


async def session_by_id(db: Db, cell: int, identifier: str) -> ToldSession | None:
    """One count as it stands."""
    return await db.document(ToldSession, "counts.session_by_id", cell, identifier)


async def sessions_before(
    db: Db,
    before: str | None,
    filters: tuple[str | None, str | None],
    covered: frozenset[str] | None,
    limit: int,
) -> list[ToldSession]:
    """Counts, newest first, from before the id given. Filters are location and state."""
    rows = await db.many(
        _Stored, "counts.sessions_before", before, *filters, _listed(covered), limit
    )
    return [_session(row.body) for row in rows]


async def lines_after(
    db: Db, count: tuple[int, str], after: str, beyond: tuple[int, bool], limit: int
) -> list[Line]:
    """Items of a count (cell, id) by SKU; `beyond` is (tolerance, whether only what is over it)."""
    rows = await db.many(_Line, "counts.lines_after", *count, after, *beyond, limit)
    return [Line(**{**msgspec.structs.asdict(row), "zones": _zones(row.zones)}) for row in rows]


async def tasks_after(
    db: Db,
    after: tuple[datetime, str] | None,
    location: str | None,
    covered: frozenset[str] | None,
    limit: int,
) -> list[CountTask]:
    """Open tasks, oldest first, from after the (opened_at, id) given."""
    at, identifier = after or (None, None)
    return await db.many(
        CountTask, "counts.tasks_after", at, identifier, location, _listed(covered), limit
    )


def _listed(covered: frozenset[str] | None) -> list[str] | None:
    return None if covered is None else sorted(covered)
