"""Looking terminals and exceptions up."""

import time
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from service.db import Db
from service.pos.types import PosException, Terminal

CELL_SECONDS = 3.0
"""How long a terminal's cell is believed: a till that is replaced may come to another one."""


class _Place(msgspec.Struct, frozen=True):
    terminal: str
    cell: int


_cells: WeakKeyDictionary[Db, dict[str, tuple[float, int]]] = WeakKeyDictionary()


async def cells_of_terminals(db: Db, terminals: Iterable[str]) -> dict[str, int]:
    """In which cell each terminal's receipts are decided; those that there are not are left out."""
    known = _cells.setdefault(db, {})
    now = time.monotonic()
    wanted = set(terminals)
    missing = [t for t in wanted if t not in known or known[t][0] < now]
    if missing:
        for place in await db.many(_Place, "pos.cells_of_terminals", missing):
            known[place.terminal] = (now + CELL_SECONDS, place.cell)
    return {t: known[t][1] for t in wanted if t in known}


async def terminal_by_code(db: Db, code: str, covered: frozenset[str] | None) -> Terminal | None:
    """A terminal in its newest life, if a token's list (None: all) has its location."""
    return await db.one(Terminal, "pos.terminal_by_code", code, _listed(covered))


async def terminals_after(
    db: Db, code: str, covered: frozenset[str] | None, limit: int
) -> list[Terminal]:
    """Terminals by code, from after the one given."""
    return await db.many(Terminal, "pos.terminals_after", code, _listed(covered), limit)


async def exceptions_before(
    db: Db,
    before: tuple[Any, ...] | None,
    filters: tuple[str | None, str | None, str | None],
    covered: frozenset[str] | None,
    limit: int,
) -> list[PosException]:
    """Exceptions, newest first, from before the (recorded_at, id) given.

    Filters are kind, state and location.
    """
    at, identifier = before or (None, None)
    rows = await db.many(
        _Stored, "pos.exceptions_before", at, identifier, *filters, _listed(covered), limit
    )
    return [_decode(row.body) for row in rows]


async def exception_by_id(
    db: Db, cell: int, identifier: str, covered: frozenset[str] | None
) -> PosException | None:
    """One exception, if a token's list (None: all) has its location."""
    row = await db.one(_Stored, "pos.exception_by_id", cell, identifier, _listed(covered))
    return None if row is None else _decode(row.body)


class _Stored(msgspec.Struct, frozen=True):
    body: str


_decode = msgspec.json.Decoder(PosException).decode


def _listed(covered: frozenset[str] | None) -> list[str] | None:
    return None if covered is None else sorted(covered)
