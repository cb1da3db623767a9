"""Receipts, terminals and exceptions, as tills and people say them (contract §5)."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.catalog.types import Currency
from service.locations.types import LocationCode

TerminalCode = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}(?!\n)$", max_length=32)
]
Sequence = Annotated[int, Meta(ge=1, le=999_999_999_999)]
Epoch = Annotated[int, Meta(ge=1, le=1_000_000)]
LineNumber = Annotated[int, Meta(ge=1, le=1_000_000)]
Moment = Annotated[datetime, Meta(tz=True)]
Quantity = Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]
Money = Annotated[int, Meta(ge=-1_000_000_000_000, le=1_000_000_000_000)]
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\u0000]+$")]
RawGtin = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\u0000]+$")]
RawSku = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\u0000]+$")]

ReceiptKind = Literal["sale", "return", "exchange", "void", "no_sale"]
ReceiptStatus = Literal[
    "posted",
    "partly_posted",
    "duplicate",
    "conflict",
    "parked",
    "held_for_review",
    "ignored",
    "refused",
]
ExceptionKind = Literal[
    "unmapped",
    "conflict",
    "parked",
    "held_for_review",
    "gap",
    "over_return",
    "unknown_terminal",
    "fractional_quantity",
    "match",
]

RECEIPTS_MAX = 1_000
LINES_MAX = 1_000


class SaleRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The sale line that a returned line brings back: of a receipt, or of an order."""

    line: LineNumber
    terminal: TerminalCode | None = None
    sequence: Sequence | None = None
    order: Text | None = None


class VoidRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receipt that a void takes back."""

    terminal: TerminalCode
    sequence: Sequence


class ReceiptLine(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What was sold, or came back (negative).

    `quantity` is in base units; of a pack's barcode, in packs. `gtin` is what was scanned,
    whatever it is: a line that is no known item is unmapped.
    """

    line: LineNumber
    quantity: Quantity
    sku: RawSku | None = None
    gtin: RawGtin | None = None
    text: Text | None = None
    unit_price: Money | None = None
    paid: Money | None = None
    sale: SaleRef | None = None
    resaleable: bool = False


class Receipt(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a till says happened. Natural key: terminal, epoch (default: the newest), sequence."""

    terminal: TerminalCode
    sequence: Sequence
    kind: ReceiptKind
    occurred_at: Moment
    epoch: Epoch | None = None
    currency: Currency | None = None
    order: Text | None = None
    customer: Text | None = None
    payment: Text | None = None
    voids: VoidRef | None = None
    lines: Annotated[tuple[ReceiptLine, ...], Meta(max_length=LINES_MAX)] = ()


class Receipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/pos/receipts; `backfill` posts old and large ones with their own time."""

    receipts: Annotated[list[Receipt], Meta(max_length=RECEIPTS_MAX)]
    backfill: bool = False


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same body before its receipts are decoded, each by itself."""

    receipts: list[msgspec.Raw]
    backfill: bool = False


class Identity(msgspec.Struct, frozen=True):
    """What can be told of a receipt that does not decode."""

    terminal: TerminalCode | UnsetType = UNSET
    sequence: Sequence | UnsetType = UNSET


class LineProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with a line of a posted receipt."""

    line: int
    code: str
    detail: str
    quantity: int | None = None
    gtin: str | None = None
    sku: str | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one receipt.

    `receipt` is the kept one's id (of a duplicate or conflict: the first's), `first_status` how
    that first one stands.
    """

    index: int | UnsetType = UNSET
    terminal: str | UnsetType = UNSET
    sequence: int | UnsetType = UNSET
    status: ReceiptStatus
    receipt: str | UnsetType = UNSET
    first_status: str | UnsetType = UNSET
    problems: list[LineProblem] | UnsetType = UNSET
    code: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class ReceiptOutcome(msgspec.Struct, frozen=True):
    """What became of one receipt; `receipt_id` is the kept one's."""

    code: Literal[
        "posted",
        "partly_posted",
        "duplicate",
        "conflict",
        "parked",
        "held_for_review",
        "ignored",
        "unknown_terminal",
        "forbidden_location",
    ]
    receipt_id: str | None = None
    first_status: str | None = None
    problems: list[LineProblem] = []


class Results(msgspec.Struct, frozen=True):
    """Reply of POST /v1/pos/receipts: one result a receipt, in the order given."""

    results: list[Result]
    posted: int
    duplicates: int
    refused: int


class PutTerminal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PUT /v1/pos/terminals/{terminal}: a till, where it stands and in which life.

    `epoch` is raised when a till is replaced; `first_sequence` is the first number it will send.
    """

    location: LocationCode
    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\u0000]+$")] | None = None
    epoch: Epoch | None = None
    first_sequence: Sequence | None = None


class Terminal(msgspec.Struct, frozen=True):
    """A till in its newest life."""

    terminal: str
    location: str
    name: str | None
    epoch: int
    first_sequence: int | None
    last_sequence: int | None
    last_seen_at: datetime | None


class TerminalPage(msgspec.Struct, frozen=True):
    """A page of terminals."""

    items: list[Terminal]
    next_cursor: str | None


class PosException(msgspec.Struct, frozen=True):
    """What a person has to look at, with all that the till said (`body`)."""

    id: str
    kind: ExceptionKind
    state: Literal["open", "resolved"]
    terminal: str
    epoch: int | None
    sequence: int
    location: str | None
    receipt: str | None
    line: int | None
    gtin: str | None
    quantity: int | None
    body: dict[str, Any]
    resolution: dict[str, Any] | None
    recorded_at: datetime
    resolved_at: datetime | None


class ExceptionPage(msgspec.Struct, frozen=True):
    """A page of exceptions."""

    items: list[PosException]
    next_cursor: str | None


class Resolve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/pos/exceptions/{id}/resolve."""

    action: Literal["map", "accept", "reject"]
    sku: RawSku | None = None
    reason: Text | None = None


class Resolved(msgspec.Struct, frozen=True):
    """What became of an exception, and of the receipt it was about."""

    id: str
    state: Literal["resolved"]
    action: Literal["map", "accept", "reject"]
    receipt: str
    status: str
