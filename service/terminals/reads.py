"""Looking tills up, and what they leave open."""

import time
from collections.abc import Iterable
from datetime import date
from weakref import WeakKeyDictionary

import msgspec

from service.db import Db
from service.terminals.types import PlaceDay, Terminal

CELL_SECONDS = 3.0
"""How long a terminal's cell is believed: a till that is replaced may come to another one."""


class _Place(msgspec.Struct, frozen=True):
    terminal: str
    cell: int


class _Stored(msgspec.Struct, frozen=True):
    body: str


_cells: WeakKeyDictionary[Db, dict[str, tuple[float, int]]] = WeakKeyDictionary()
_terminal = msgspec.json.Decoder(Terminal).decode
_place = msgspec.json.Decoder(PlaceDay).decode


async def cells_of_terminals(db: Db, terminals: Iterable[str]) -> dict[str, int]:
    """In which cell each terminal's receipts are decided; those that there are not are left out."""
    known = _cells.setdefault(db, {})
    now = time.monotonic()
    wanted = set(terminals)
    missing = [t for t in wanted if t not in known or known[t][0] < now]
    if missing:
        for place in await db.many(_Place, "terminals.cells_of_terminals", missing):
            known[place.terminal] = (now + CELL_SECONDS, place.cell)
    return {t: known[t][1] for t in wanted if t in known}


async def terminal_by_code(db: Db, code: str, covered: frozenset[str] | None) -> Terminal | None:
    """A terminal in its newest life, if a token's list (None: all) has its location."""
    row = await db.one(_Stored, "terminals.terminal_by_code", code, _listed(covered), db.now)
    return None if row is None else _terminal(row.body)


async def terminals_after(
    db: Db, code: str, covered: frozenset[str] | None, limit: int
) -> list[Terminal]:
    """Terminals by code, from after the one given."""
    rows = await db.many(
        _Stored, "terminals.terminals_after", code, _listed(covered), limit, db.now
    )
    return [_terminal(row.body) for row in rows]


async def places_after(
    db: Db,
    code: str,
    covered: frozenset[str] | None,
    limit: int,
    *,
    day: date | None = None,
    location: str | None = None,
) -> list[PlaceDay]:
    """What places with tills leave open on a day (None: each one's today), by code.

    With `location` that place only, with tills or without.
    """
    rows = await db.many(
        _Stored,
        "terminals.places_with_tills_after",
        code,
        _listed(covered),
        limit,
        day,
        location,
        db.now,
    )
    return [_place(row.body) for row in rows]


def _listed(covered: frozenset[str] | None) -> list[str] | None:
    return None if covered is None else sorted(covered)
