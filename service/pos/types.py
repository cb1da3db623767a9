"""Receipts, terminals and exceptions, as tills and people say them (contract §5)."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.catalog.types import Currency
from service.terminals.types import Epoch, Moment, Sequence, TerminalCode

LineNumber = Annotated[int, Meta(ge=1, le=1_000_000)]
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

    def moves_nothing(self) -> bool:
        """Whether nothing was sold or returned."""
        return self.quantity == 0


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
