"""Looking places up."""

from collections.abc import Iterable

import msgspec

from service.db import Db
from service.locations.types import Location


class _Stored(msgspec.Struct, frozen=True):
    """A row of a query that gives whole places."""

    body: str
    version: int = 0
    location: str = ""


_decode = msgspec.json.Decoder(Location).decode


async def cell_of_location(db: Db, code: str) -> int | None:
    """The cell of a place, None where there is none; asked once, since it never changes."""
    known = db.cells.get(code)
    if known is None:
        known = await db.value("locations.cell_of_location", code)
        if known is not None:
            remember_cell(db, code, known)
    return known


async def cells_of_locations(db: Db, codes: Iterable[str]) -> set[int]:
    """The cells of those places that exist."""
    found = [await cell_of_location(db, code) for code in dict.fromkeys(codes)]
    return {cell for cell in found if cell is not None}


def remember_cell(db: Db, code: str, cell: int) -> None:
    """Keep what a command or query told: a place's cell never changes."""
    db.cells[code] = cell


async def all_cells(db: Db) -> list[int]:
    """Every cell that has a place."""
    rows = await db.many(_Cell, "locations.all_cells")
    return [row.cell_id for row in rows]


class _Cell(msgspec.Struct, frozen=True):
    cell_id: int


async def location_by_code(db: Db, code: str) -> tuple[Location, int] | None:
    """A place and its version."""
    found = await db.one(_Stored, "locations.location_by_code", code)
    return None if found is None else (_decode(found.body), found.version)


async def locations_after(
    db: Db, code: str, covered: frozenset[str] | None, limit: int
) -> list[Location]:
    """Places by code, from after the one given, of those that a token covers (None: all)."""
    listed = None if covered is None else sorted(covered)
    rows = await db.many(_Stored, "locations.locations_after", code, listed, limit)
    return [_decode(row.body) for row in rows]
