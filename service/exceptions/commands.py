"""A person's word on exceptions, and the sweeps over lines and handovers that wait."""

from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command, Db

CODES_MOST = 500


class ResolveOutcome(msgspec.Struct, frozen=True):
    """What became of the exception."""

    code: Literal[
        "accepted",
        "rejected",
        "mapped",
        "not_found",
        "wrong_state",
        "unknown_sku",
        "gtin_taken",
        "invalid_value",
        "idempotency_key_reused",
    ]
    detail: str | None = None
    replayed: bool = False
    receipt_id: str | None = None
    status: str | None = None


class ResolveException(Command[ResolveOutcome], frozen=True, kw_only=True):
    """A person's word on an exception.

    `codes` are the barcodes of the kept receipt's lines with 14 digits, `gtin` is the exception's
    own, `sku` what it is mapped to.
    """

    function: ClassVar[str] = "exceptions.resolve_exception"
    outcome: ClassVar[type[Any]] = ResolveOutcome
    batch_max: ClassVar[int] = 1
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    exception_id: str
    action: str
    sku: str | None
    gtin: str | None
    reason: str | None
    locations: list[str] | None
    codes: list[str | None]


class ReplayOutcome(msgspec.Struct, frozen=True):
    """How many lines a sweep posted, and after which code to go on (None: it saw them all)."""

    code: Literal["replayed"]
    lines: int
    after: str | None


class ReplayMapped(Command[ReplayOutcome], frozen=True, kw_only=True):
    """Post lines whose code has become known, of the codes after the one given."""

    function: ClassVar[str] = "exceptions.replay_mapped"
    outcome: ClassVar[type[Any]] = ReplayOutcome
    batch_max: ClassVar[int] = 1
    after: str | None
    most: int


class MarkOutcome(msgspec.Struct, frozen=True):
    """How many handovers a sweep marked."""

    code: Literal["marked"]
    handovers: int


class MarkUnmatched(Command[MarkOutcome], frozen=True, kw_only=True):
    """Tell a person of handovers whose receipt does not come, `most` at a time."""

    function: ClassVar[str] = "exceptions.mark_unmatched"
    outcome: ClassVar[type[Any]] = MarkOutcome
    most: int


async def replay(db: Db, cell: int, most: int = CODES_MOST) -> int:
    """Post every line that is known by now, some at a time; gives the number of lines."""
    total = 0
    after: str | None = None
    while True:
        outcome = await db.run(ReplayMapped(after=after, most=most), cell)
        total += outcome.lines
        # a code with more lines than one step takes is looked at again
        if outcome.lines < most:
            after = outcome.after
            if after is None:
                return total


async def mark_unmatched(db: Db, cell: int, most: int = 500) -> int:
    """Tell of every handover whose hour is over; gives their number."""
    total = 0
    while True:
        outcome = await db.run(MarkUnmatched(most=most), cell)
        total += outcome.handovers
        if outcome.handovers < most:
            return total
