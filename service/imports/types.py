"""What an import is made of: its lines, and the tally that it answers with (contract §2)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.catalog.types import Item, Sku
from service.locations.types import Location, LocationCode

ImportKind = Literal["items", "locations", "stock"]
Format = Literal["csv", "ndjson"]

ERRORS_MAX = 1_000
"""So many errors are told; the counts are of all lines."""

LINE_BYTES_MAX = 256 * 1024
"""A line is a PUT body, and may be as long as one."""

OPERATOR = 0
"""Stands for the command line where a client's id is asked for."""


class StockLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many sellable base units of an item there are at a place."""

    location: LocationCode
    sku: Sku
    sellable: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    reason: (
        Annotated[
            str, Meta(min_length=1, max_length=200, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")
        ]
        | None
    ) = None


Line = Item | Location | StockLine
"""A PUT body with its key."""

LINE_TYPES: dict[ImportKind, type[Line]] = {
    "items": Item,
    "locations": Location,
    "stock": StockLine,
}


class Verdict(msgspec.Struct, frozen=True):
    """What became of a line: `accepted`, `unchanged`, or the code of its refusal."""

    code: str
    detail: str = ""


class Record(msgspec.Struct, frozen=True):
    """A line of the file, by the number of its first physical line: its values, or its refusal."""

    line: int
    content: Line | Verdict


class LineError(msgspec.Struct, frozen=True):
    """Why a line was not taken."""

    line: int
    code: str
    detail: str


class Tally(msgspec.Struct, frozen=True):
    """What became of all lines; `errors` tells the first 1,000 that were rejected."""

    accepted: int
    unchanged: int
    rejected: int
    errors: list[LineError]
