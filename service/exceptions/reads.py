"""Looking exceptions up."""

from collections.abc import Collection
from typing import Any

import msgspec

from service.db import Db
from service.exceptions.types import PosException


async def exceptions_before(
    db: Db,
    before: tuple[Any, ...] | None,
    filters: tuple[str | None, str | None],
    places: Collection[str] | None,
    limit: int,
) -> list[PosException]:
    """Exceptions, newest first, from before the (recorded_at, id) given.

    Filters are kind and state; `places` are those whose exceptions are wanted (None: all, and
    those that belong to no place).
    """
    at, identifier = before or (None, None)
    asked = (at, identifier, *filters, limit)
    if places is None:
        rows = await db.many(_Stored, "exceptions.exceptions_before", *asked)
    elif filters[1] == "open":
        query = "exceptions.open_exceptions_of_places_before"
        rows = await db.many(_Stored, query, *asked, sorted(places))
    else:
        query = "exceptions.exceptions_of_places_before"
        rows = await db.many(_Stored, query, *asked, sorted(places))
    return [_decode(row.body) for row in rows]


async def exception_by_id(
    db: Db, cell: int, identifier: str, covered: frozenset[str] | None
) -> PosException | None:
    """One exception, if a token's list (None: all) has its location."""
    listed = None if covered is None else sorted(covered)
    row = await db.one(_Stored, "exceptions.exception_by_id", cell, identifier, listed)
    return None if row is None else _decode(row.body)


class _Stored(msgspec.Struct, frozen=True):
    body: str


_decode = msgspec.json.Decoder(PosException).decode
