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
BOOK_MAX = 1_000_000_000_000_000
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


class CountLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PUT /v1/stock/{location}/{sku}: a one-line count.

    An absolute set names the quantity it expects in the book, or null for whatever is there.
    """

    sellable: Units
    expected: Annotated[int, Meta(ge=-BOOK_MAX, le=BOOK_MAX)] | None
    reason: Reason


class SafetyStock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PUT …/safety-stock: units never promised here; null: as the item or place says."""

    safety_stock: Units | None


class StoredLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A row of stock.read_level or stock.read_level_at."""

    location: str
    sku: str
    sellable: int
    staged: int
    quarantine: int
    damaged: int
    display: int
    missing: int
    on_hand: int
    reserved: int | None = None
    unpicked: int | None = None
    safety_stock: int | None = None
    safety_source: Literal["place_and_item", "item", "location"] | None = None
    stale_buffer: int | None = None
    available: int | None = None
    frozen_reason: str | None = None
    confidence: float | None = None
    verified_at: datetime | None = None
    last_counted_at: datetime | None = None
    version: int
    change_count: int = 0
    changed_at: datetime | None = None


class AsOf(msgspec.Struct, frozen=True):
    """The last change: its number, and when it was recorded (null: nothing ever moved)."""

    sequence: int
    at: datetime | None


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of one item at one place, in base units (contract §3).

    With `at` or `known_at` only the accounts are known: the other fields are null. `frozen` means
    that nothing is promised here until a count thaws it.
    """

    location: str
    sku: str
    sellable: int
    staged: int
    quarantine: int
    damaged: int
    display: int
    missing: int
    on_hand: int
    reserved: int | None
    unpicked: int | None
    safety_stock: int | None
    stale_buffer: int | None
    available: int | None
    frozen: bool | None
    frozen_reason: str | None
    last_counted_at: datetime | None
    as_of: AsOf


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """One movement between two accounts.

    `document` is what it belongs to: the id of the movement, the count or the receipt. `actor` is
    the client's name; `reverses` the sequence of the entry that it takes back.
    """

    sequence: int
    from_: str
    to: str
    quantity: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    source: str
    reason: str | None
    reference: str | None
    document: str
    actor: str | None
    reverses: int | None


class LedgerPage(msgspec.Struct, frozen=True):
    """A page of the ledger, newest first."""

    items: list[LedgerEntry]
    next_cursor: str | None


class Term(msgspec.Struct, frozen=True):
    """One term of the formula, with where it comes from."""

    name: str
    value: int
    why: str


class OpenClaim(msgspec.Struct, frozen=True):
    """What a reservation, an order or a transfer holds here; `unpicked`: still on the shelf."""

    holder: str
    kind: str
    quantity: int
    unpicked: int
    expires_at: datetime | None


class StoredExplanation(msgspec.Struct, frozen=True):
    """What stock.explain_level gives."""

    level: StoredLevel
    claims: list[OpenClaim]
    movements: list[LedgerEntry]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why so much can be promised of an item at a place (R19)."""

    location: str
    sku: str
    available: int
    formula: str
    terms: list[Term]
    frozen: bool
    frozen_reason: str | None
    confidence: float
    claims: list[OpenClaim]
    movements: list[LedgerEntry]
    as_of: AsOf
