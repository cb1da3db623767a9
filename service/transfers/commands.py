"""What can be done with a transfer: each a Struct, a SQL function, and one short function."""

from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command, Db
from service.transfers.types import ArrivedLine, Line, Side, State


class ToldTransfer(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A transfer as the database tells it."""

    transfer_id: str
    from_: str
    to: str
    state: State
    reference: str | None
    eta: datetime | None
    override: str | None
    requested_at: datetime
    changed_at: datetime
    overdue_at: datetime | None
    closed_at: datetime | None
    confirmed_by: list[Side]
    lines: list[Line]


class ShortLine(msgspec.Struct, frozen=True):
    """A line that stopped a command: what was asked, what is there (absent where nothing is)."""

    line: int
    sku: str
    code: str
    requested: int
    available: int | None = None


class TransferOutcome(msgspec.Struct, frozen=True):
    """What a command led to; `transfer` is its state afterwards."""

    code: Literal[
        "requested",
        "dispatched",
        "received",
        "confirmed",
        "cancelled",
        "insufficient_stock",
        "uncertain_stock",
        "location_closed",
        "unknown_location",
        "unknown_sku",
        "not_stock_tracked",
        "not_found",
        "forbidden_location",
        "wrong_state",
        "not_on_transfer",
        "more_than_requested",
        "not_enough_there",
        "no_waiting_claim",
        "over_receipt",
        "in_the_future",
        "idempotency_key_reused",
    ]
    replayed: bool = False
    transfer: ToldTransfer | None = None
    short: list[ShortLine] = []


# a command costs some 5 ms, and as much again for each 50 of its lines
COMMAND_WEIGHT = 50


class _Change(Command[TransferOutcome], frozen=True, kw_only=True):
    """What changes one transfer; lines are what a call's time goes with."""

    batch_max: ClassVar[int] = 2_000

    def weight(self) -> int:
        """At least a whole command's."""
        return COMMAND_WEIGHT + len(getattr(self, "lines", ()))


class RequestTransfer(_Change, frozen=True, kw_only=True):
    """Claim goods at one place for another, all lines or none."""

    function: ClassVar[str] = "transfers.request_transfer"
    outcome: ClassVar[type[Any]] = TransferOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    transfer_id: str
    from_location: str
    to_location: str
    lines: list[ArrivedLine]
    eta: datetime | None
    reference: str | None
    override: str | None


class DispatchTransfer(_Change, frozen=True, kw_only=True):
    """Send what is claimed, or the lines named (none: all)."""

    function: ClassVar[str] = "transfers.dispatch_transfer"
    outcome: ClassVar[type[Any]] = TransferOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    transfer_id: str
    locations: list[str] | None
    lines: list[ArrivedLine]
    occurred_at: datetime | None


class ReceiveTransfer(_Change, frozen=True, kw_only=True):
    """Take in what arrived; `may_exceed`: a manager says that more than was sent is right."""

    function: ClassVar[str] = "transfers.receive_transfer"
    outcome: ClassVar[type[Any]] = TransferOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    transfer_id: str
    locations: list[str] | None
    lines: list[ArrivedLine]
    occurred_at: datetime | None
    reason: str | None
    may_exceed: bool


class CloseTransfer(_Change, frozen=True, kw_only=True):
    """One side says that no more will come (no side: each that is covered)."""

    function: ClassVar[str] = "transfers.close_transfer"
    outcome: ClassVar[type[Any]] = TransferOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    transfer_id: str
    locations: list[str] | None
    side: str | None
    reason: str | None


class CancelTransfer(_Change, frozen=True, kw_only=True):
    """Give free what has not left; a second time changes nothing."""

    function: ClassVar[str] = "transfers.cancel_transfer"
    outcome: ClassVar[type[Any]] = TransferOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    transfer_id: str
    locations: list[str] | None


class SweepOutcome(msgspec.Struct, frozen=True):
    """How many transfers a sweep changed."""

    code: Literal["swept"]
    transfers: int


class SweepTransfers(Command[SweepOutcome], frozen=True, kw_only=True):
    """Do what time does to transfers, `most` at a time; what is locked is left."""

    function: ClassVar[str] = "transfers.sweep_transfers"
    outcome: ClassVar[type[Any]] = SweepOutcome
    what: Literal["unpicked", "overdue", "short"]
    after_seconds: int
    most: int


Change = RequestTransfer | DispatchTransfer | ReceiveTransfer | CloseTransfer | CancelTransfer


async def decide(db: Db, command: Change, cell: int) -> TransferOutcome:
    """Request, dispatch, receive, close or cancel."""
    return await db.run(command, cell)


async def sweep(
    db: Db,
    cell: int,
    what: Literal["unpicked", "overdue", "short"],
    after_seconds: int,
    most: int = 50,
) -> int:
    """Do what is due, until nothing is; gives the number of transfers."""
    total = 0
    while True:
        asked = SweepTransfers(what=what, after_seconds=after_seconds, most=most)
        outcome = await db.run(asked, cell)
        total += outcome.transfers
        if outcome.transfers < most:
            return total
