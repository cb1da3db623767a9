"""Commands on receipts, terminals and exceptions."""

from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command
from service.pos.types import LINES_MAX, ReceiptOutcome


class PostReceipt(Command[ReceiptOutcome], frozen=True, kw_only=True):
    """One receipt.

    Its natural key (terminal, epoch, sequence) makes asking again safe, and its `receipt_id` tells
    the lane's own asking again from a till's.

    `terminals`: whose receipts it speaks of, to be locked. `codes`: its lines' barcodes with 14
    digits. `locations`: the token's list. `body`: the receipt as it is kept.
    """

    function: ClassVar[str] = "pos.post_receipts"
    outcome: ClassVar[type[Any]] = ReceiptOutcome
    batch_max: ClassVar[int] = 1_000
    queue_max: ClassVar[int] = 20_000
    receipt_id: str
    client_id: int
    fingerprint: str
    terminals: list[str]
    locations: list[str] | None
    backfill: bool
    review_quantity: int
    review_ahead_seconds: int
    review_age_seconds: int
    lines: int
    codes: list[str | None]
    body: msgspec.Raw

    def weight(self) -> int:
        """Lines, not receipts, are what a call's time goes with."""
        return min(LINES_MAX, max(1, self.lines))


class PutTerminalOutcome(msgspec.Struct, frozen=True):
    """What happened to the terminal."""

    code: Literal["created", "updated", "unchanged", "unknown_location", "idempotency_key_reused"]
    replayed: bool = False


class PutTerminal(Command[PutTerminalOutcome], frozen=True, kw_only=True):
    """A till in one of its lives, as it shall be."""

    function: ClassVar[str] = "pos.put_terminal"
    outcome: ClassVar[type[Any]] = PutTerminalOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    terminal: str
    epoch: int | None
    location: str
    name: str | None
    first_sequence: int | None


class ResolveOutcome(msgspec.Struct, frozen=True):
    """What became of the exception."""

    code: Literal["accepted", "rejected", "not_found", "wrong_state", "idempotency_key_reused"]
    detail: str | None = None
    replayed: bool = False
    receipt_id: str | None = None
    status: str | None = None


class ResolveException(Command[ResolveOutcome], frozen=True, kw_only=True):
    """A person's word on an exception. `codes` are the barcodes of the kept receipt's lines."""

    function: ClassVar[str] = "pos.resolve_exception"
    outcome: ClassVar[type[Any]] = ResolveOutcome
    batch_max: ClassVar[int] = 1
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    exception_id: str
    action: str
    reason: str | None
    locations: list[str] | None
    codes: list[str | None]
