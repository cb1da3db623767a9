"""Pure decisions about transfers: how lines merge, what cannot be meant, how a refusal is told."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from service.stock.rules import EARLIEST, LATEST, holds_card_number
from service.transfers.types import (
    LINES_MAX,
    ArrivedLine,
    AskedLine,
    Dispatch,
    PostTransfer,
    Receive,
)

UNPICKED_SECONDS: Final = 48 * 3600
"""After so long unpicked, the sender's goods are free again (domain §2.8)."""
OVERDUE_SECONDS: Final = 24 * 3600
"""So long after its ETA a transfer is overdue."""
DISPUTE_SECONDS: Final = 72 * 3600
"""So long after the last receipt, what is missing is lost."""

Wrong = tuple[str, str, str]
"""What a request gets wrong in itself: a code of the closed list, a pointer, a sentence."""


def merge_lines(lines: Iterable[AskedLine]) -> list[ArrivedLine]:
    """One line for each item, in order of first mention: as good units for nobody in particular."""
    return merge_arrivals(ArrivedLine(sku=line.sku, quantity=line.quantity) for line in lines)


def merge_arrivals(lines: Iterable[ArrivedLine]) -> list[ArrivedLine]:
    """One line for each (item, condition, order), in order of first mention."""
    sums: dict[tuple[str, bool, str | None], int] = {}
    for line in lines:
        key = (line.sku, line.damaged, line.for_order)
        sums[key] = sums.get(key, 0) + line.quantity
    return [
        ArrivedLine(sku=sku, quantity=quantity, damaged=damaged, for_order=order)
        for (sku, damaged, order), quantity in sums.items()
    ]


def pointer_of(lines: Iterable[AskedLine | ArrivedLine], sku: str) -> str:
    """The JSON pointer of the first line of an item."""
    for number, line in enumerate(lines):
        if line.sku == sku:
            return f"/lines/{number}"
    return "/lines"


def too_many(lines: Sequence[object]) -> Wrong | None:
    """More lines than one call can decide in its time."""
    if len(lines) <= LINES_MAX:
        return None
    return ("batch_too_large", "/lines", f"At most {LINES_MAX} lines")


def wrong_request(body: PostTransfer) -> Wrong | None:
    """What cannot be meant in a request; None where the book has to decide."""
    if body.from_ == body.to:
        return ("invalid_value", "/to", "Goods go from one place to another")
    if body.eta is not None and not EARLIEST <= body.eta <= LATEST:
        return ("invalid_value", "/eta", "This cannot be meant")
    if body.override is not None and holds_card_number(body.override.reason):
        return _card("/override/reason")
    return too_many(body.lines)


def wrong_receipt(body: Receive) -> Wrong | None:
    """What cannot be meant in a receipt."""
    for number, line in enumerate(body.lines):
        if line.damaged and line.for_order is not None:
            pointer = f"/lines/{number}/for_order"
            return ("invalid_value", pointer, "Damaged goods are put aside for nobody")
    return too_many(body.lines) or wrong_moment(body.occurred_at) or wrong_reason(body.reason)


def wrong_dispatch(body: Dispatch) -> Wrong | None:
    """What cannot be meant in a dispatch."""
    return too_many(body.lines or ()) or wrong_moment(body.occurred_at)


def wrong_moment(occurred_at: datetime | None) -> Wrong | None:
    """A moment that no transfer can have had; how far ahead is too far, the database says."""
    if occurred_at is None or EARLIEST <= occurred_at <= LATEST:
        return None
    return ("invalid_value", "/occurred_at", "This cannot be meant")


def wrong_reason(reason: str | None) -> Wrong | None:
    """A reason that nobody should keep."""
    return _card("/reason") if holds_card_number(reason) else None


def _card(pointer: str) -> Wrong:
    return ("card_number", pointer, "It looks like the number of a payment card")
