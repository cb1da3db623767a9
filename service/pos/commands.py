"""Commands on receipts and exceptions."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec

from service.db import Command, Db
from service.lanes import CommandBroken
from service.log import log
from service.pos.rules import Refused, asked, refused_result, told
from service.pos.types import LINES_MAX, Receipt, ReceiptOutcome, Result, Results
from service.settings import Settings
from service.terminals.reads import cells_of_terminals
from service.web.metrics import LAG
from service.web.problems import Problem
from service.web.route import Call, new_id


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


class Asking(NamedTuple):
    """Who asks for receipts to be posted; `locations` is the token's list (None: all)."""

    db: Db
    client_id: int
    locations: frozenset[str] | None
    backfill: bool
    settings: Settings


def asking_of(call: Call[Any], *, backfill: bool) -> Asking:
    """Who asks for receipts to be posted.

    Raises:
        Problem: 403 where the token may not post old and large ones.
    """
    if backfill and not call.client.may(("pos:backfill",)):
        raise Problem("forbidden_scope", "`backfill` needs pos:backfill.")
    client, state = call.client, call.state
    return Asking(state.db, client.client_id, client.locations, backfill, state.settings)


async def post_all(asking: Asking, read: Sequence[Receipt | Result]) -> Results:
    """Post receipts, each by itself; what was refused before is told in its place.

    Raises:
        LaneError: some got no outcome; the whole request is sent again, which is safe.
    """
    receipts = (entry.terminal for entry in read if isinstance(entry, Receipt))
    cells = await cells_of_terminals(asking.db, receipts)
    waiting = [
        entry if isinstance(entry, Result) else _ask(asking, index, entry, cells)
        for index, entry in enumerate(read)
    ]
    results = await _answers(read, waiting)
    statuses = [result.status for result in results]
    return Results(
        results=results,
        posted=statuses.count("posted") + statuses.count("partly_posted"),
        duplicates=statuses.count("duplicate"),
        refused=statuses.count("refused"),
    )


def _ask(
    asking: Asking, index: int, receipt: Receipt, cells: dict[str, int]
) -> asyncio.Future[ReceiptOutcome] | Result:
    """Put one receipt into its cell's lane."""
    cell = cells.get(receipt.terminal, 1)
    try:
        facts = asked(receipt)
    except OverflowError:
        why = Refused("invalid_value", "/occurred_at: There is no such moment in UTC")
        return refused_result(index, receipt, why)
    settings = asking.settings
    command = PostReceipt(
        receipt_id=new_id(cell),
        client_id=asking.client_id,
        fingerprint=facts.fingerprint,
        terminals=facts.terminals,
        locations=None if asking.locations is None else sorted(asking.locations),
        backfill=asking.backfill,
        review_quantity=settings.review_quantity,
        review_ahead_seconds=settings.review_future_minutes * 60,
        review_age_seconds=settings.review_days * 86_400,
        lines=len(receipt.lines),
        codes=facts.codes,
        body=msgspec.Raw(facts.body),
    )
    future: asyncio.Future[ReceiptOutcome] = asking.db.run(command, cell)
    return future


async def _answers(
    read: Sequence[Receipt | Result],
    waiting: Sequence[Result | asyncio.Future[ReceiptOutcome]],
) -> list[Result]:
    """Every receipt's result, in order. One that breaks its call is refused by itself."""
    futures = [entry for entry in waiting if isinstance(entry, asyncio.Future)]
    await asyncio.gather(*futures, return_exceptions=True)
    results: list[Result] = []
    now = time.time()
    for index, (receipt, entry) in enumerate(zip(read, waiting, strict=True)):
        if isinstance(receipt, Result):
            results.append(receipt)
            continue
        if isinstance(entry, Result):
            results.append(entry)
            continue
        error = entry.exception()
        if isinstance(error, CommandBroken) and not error.transient:
            log.error("receipt_broken", terminal=receipt.terminal, sequence=receipt.sequence)
            why = Refused("internal_error", "A fault of the service; it was not taken.")
            results.append(refused_result(index, receipt, why))
        elif error is not None:
            raise error
        else:
            results.append(told(index, receipt, entry.result()))
            if entry.result().code in ("posted", "partly_posted"):
                LAG.observe(max(0.0, now - receipt.occurred_at.timestamp()))
    return results


class OverdueOutcome(msgspec.Struct, frozen=True):
    """How many voids were marked."""

    code: Literal["marked"]
    receipts: int


class MarkOverdue(Command[OverdueOutcome], frozen=True, kw_only=True):
    """Mark voids that have waited too long for their sale, `most` at a time."""

    function: ClassVar[str] = "pos.mark_overdue"
    outcome: ClassVar[type[Any]] = OverdueOutcome
    most: int
