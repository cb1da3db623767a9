"""Movements, levels and ledger entries, as they are asked for and as they are told."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.locations.types import LocationCode

Kind = Literal[
    "opening", "received", "supplier_return", "damaged", "repaired", "scrapped", "adjusted"
]
Source = Literal["sellable", "damaged", "quarantine", "display"]
"""The accounts that a movement can take from: staged and missing goods have their own actions."""

QUANTITY_MAX = 1_000_000_000
Quantity = Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]
Units = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
SkuText = Annotated[str, Meta(min_length=1, max_length=64)]
Reason = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\A[^\x00]*[^\s\x00][^\x00]*\Z")
]
"""1 to 200 characters, not only blanks, no NUL (PostgreSQL cannot store it)."""
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\A[^\x00]+\Z")]
Moment = Annotated[datetime, Meta(tz=True)]

MOVEMENTS_MAX = 1_000


class Movement(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
):
    """One entry of POST /v1/stock/movements.

    Quantities are in base units; only `adjusted` may be negative. `from` names the account that
    is scrapped (default damaged) or returned to the supplier (default sellable). `source_key` is
    unique per client: the second is a duplicate.
    """

    location: LocationCode
    sku: SkuText
    kind: Kind
    quantity: Quantity
    occurred_at: Moment | None = None
    reason: Reason | None = None
    reference: Text | None = None
    source_key: Text | None = None
    from_: Source | None = None


class Movements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/stock/movements."""

    movements: Annotated[list[Movement], Meta(max_length=MOVEMENTS_MAX)]


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same body before its entries are decoded, each by itself."""

    movements: list[msgspec.Raw]


class MovementResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one entry: the movement's id, or why it was refused."""

    index: int
    status: Literal["posted", "duplicate", "refused"]
    movement: str | None = None
    code: str | None = None
    detail: str | None = None


class MovementResults(msgspec.Struct, frozen=True):
    """Reply of POST /v1/stock/movements: one result an entry, in the order given."""

    results: list[MovementResult]


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """One entry on its way to the database: between which accounts, or why it is refused."""

    movement: str | None = None
    location: str | None = None
    sku: str | None = None
    kind: str | None = None
    from_account: str | None = None
    to_account: str | None = None
    quantity: int | None = None
    occurred_at: datetime | None = None
    reason: str | None = None
    reference: str | None = None
    source_key: str | None = None
    problem: str | None = None
    detail: str | None = None


class EntryResult(msgspec.Struct, frozen=True):
    """What the database decided of one entry, as it is remembered."""

    status: Literal["posted", "duplicate", "refused"]
    movement: str | None = None
    code: str | None = None
    detail: str | None = None
    account: str | None = None
    there: int | None = None
