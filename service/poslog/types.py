"""What a POSLog says, as its text has it, and the receipts that are made of it (contract §11)."""

from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from service.pos.types import Receipt, ReceiptLine

TRANSACTIONS_MAX = 1_000
DEPTH_MAX = 64
ELEMENTS_MAX = 200_000
"""A POSLog of 5 MB has half of that: more of them are no tills' words but a bomb."""

Ignored = Literal["control", "training", "cancelled", "suspended"]
"""Why a transaction sells nothing."""

PosLogText = Annotated[
    str,
    Meta(
        title="PosLog",
        description="ARTS POSLog XML, 2.x or 6, in the encoding that it declares. No document type,"
        " no entities; at most 1,000 transactions with 1,000 lines, and 64 levels.",
    ),
]


class PosLogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`backfill` posts old and large receipts with their own time."""

    backfill: bool = False


class Unreadable(ValueError):  # noqa: N818 - a refusal is an answer here, not an error
    """XML that is not taken: `code` for programs, `detail` for people."""

    def __init__(self, code: str, detail: str) -> None:
        """One of the closed list's codes, and where the XML went wrong."""
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Link(NamedTuple):
    """The transaction, or its line, that another one speaks of; a part that is left out is None."""

    reason: str
    store: str | None
    workstation: str | None
    sequence: str | None
    line: str | None


class Line(NamedTuple):
    """A line of goods. `voids` is the number of the line that it takes back, by name."""

    kind: Literal["sale", "return", "void"]
    number: str | None
    flagged: bool
    code: str | None = None
    item: str | None = None
    text: str | None = None
    quantity: str | None = None
    unit: str = ""
    price: str | None = None
    amount: str | None = None
    discount: str | None = None
    link: Link | None = None
    resaleable: bool = False
    voids: str | None = None


class Transaction(NamedTuple):
    """One transaction, in the till's own words.

    `ended_at` is its time, with or without a zone; `target` is what it takes back, where `void`.
    """

    store: str | None
    workstation: str | None
    sequence: str | None
    ended_at: str | None
    currency: str | None
    ignored: Ignored | None
    void: bool
    target: Link | None
    customer: str | None
    tenders: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def terminal(self) -> str:
        """Its terminal's code, well formed or not."""
        return f"{self.store or ''}-{self.workstation or ''}"


class MeasuredLine(
    ReceiptLine, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A line that counts sales units (or packs), as tills do, not base units.

    `measure` says how many, as a decimal; `quantity` is the same number where it is whole, else 0.
    Only the item's scale decides whether it is a whole number of base units. A quantity that the
    till gives in base units has no measure; one that is not whole is kept as `base_measure`.
    """

    measure: str | None = None
    base_measure: str | None = None

    def moves_nothing(self) -> bool:
        """Whether nothing was sold or returned."""
        return Decimal(self.measure or self.base_measure or self.quantity) == 0


class PosLogReceipt(
    Receipt, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A receipt made of a transaction. One that is `ignored` sold nothing and has no lines.

    `zone` is unknown where its terminal is and its time has none: then UTC stands for it.
    """

    lines: tuple[MeasuredLine, ...] = ()
    ignored: Ignored | None = None
    zone: Literal["unknown"] | None = None
