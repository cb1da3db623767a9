"""Playing recorded sales into a running service over HTTP, as its tills and its staff would."""

import asyncio
import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol
from uuid import uuid4

from msgspec import Struct, json
from msgspec.structs import replace

from service.replay.reads import PlayError, Wire, held_for_review, last_sequence
from service.replay.rules import RECEIPT_LINES_MAX, fits_together, opening_movements, places
from service.replay.types import (
    Imported,
    Key,
    Loaded,
    Movement,
    MoveResult,
    MoveResults,
    Options,
    Plan,
    PlayedCorrection,
    PlayedReceipt,
    Step,
    Tally,
    TillResult,
    TillResults,
)

BATCH_RECEIPTS = 8  # what the tills of a shop send at once while they are online
BACKLOG_RECEIPTS = 50  # and after it was silent
SPELL_RECEIPTS = (3, 15)  # how much a till rings up while it is silent, from and to
LOST_REPLY_SHARE = 0.02  # batches that a till sends again, as if the reply had been lost
AHEAD_STEPS = 12  # how long before the sale a customer reserves, in steps of the place
TAKEN = frozenset(("posted", "partly_posted", "held_for_review"))
NDJSON = "application/x-ndjson"


class Customers(Protocol):
    """Who reserves while the tills sell; both calls return at once."""

    def coming(self, receipt: PlayedReceipt) -> None:
        """A customer who will fetch this can reserve it now."""

    def served(self, receipt: PlayedReceipt) -> None:
        """The till has sold it."""


# --- the world that the sales happen in


async def load_world(wire: Wire, plan: Plan, options: Options) -> Loaded:
    """Load places, items and the opening stock; what is already there stays as it is.

    Opening stock comes before the first receipt, once: where a till has sent one, it is there.

    Raises:
        PlayError: the service rejected a part of it.
    """
    rows = [{"location": code, **_fields(place)} for code, place in places().items()]
    locations = await _import(wire, "locations", rows)
    items = await _import(
        wire, "items", ({"sku": sku, **_fields(item)} for sku, item in plan.items.items())
    )
    opened = Counter(duplicate=len(plan.opening))
    if not any([await last_sequence(wire, terminal) for terminal in plan.terminals]):
        opened = await _open_stock(wire, plan, options)
    return Loaded(locations, items, opened["posted"], opened["duplicate"])


async def _open_stock(wire: Wire, plan: Plan, options: Options) -> Counter[str]:
    at = datetime.now(UTC) - timedelta(minutes=1)
    if options.keep_dates and plan.steps:
        at = plan.steps[0].at - timedelta(days=1)
    counts: Counter[str] = Counter()
    movements = opening_movements(plan.opening, at)
    while part := tuple(islice(movements, RECEIPT_LINES_MAX)):
        for result in await move(wire, part):
            counts[result.status] += 1
            if result.status == "refused":
                raise PlayError(f"opening stock was refused: {result.code}")
    return counts


async def _import(wire: Wire, what: str, rows: Iterable[dict[str, object]]) -> Imported:
    body = b"".join(json.encode(row) + b"\n" for row in rows)
    answer = await wire.must("POST", f"/v1/imports/{what}", body, media=NDJSON)
    imported = answer.told(Imported)
    if imported.rejected:
        raise PlayError(f"{imported.rejected} {what} were rejected, first: {imported.errors[:1]}")
    return imported


def _fields(struct: Struct) -> dict[str, object]:
    fields: dict[str, object] = json.decode(json.encode(struct))
    return fields


async def move(wire: Wire, movements: Sequence[Movement]) -> list[MoveResult]:
    """Post movements; a lost reply is asked for again with the same key."""
    body = json.encode({"movements": movements})
    answer = await wire.must("POST", "/v1/stock/movements", body, key=f"replay-{uuid4()}")
    return answer.told(MoveResults).results


# --- the tills


class Player:
    """Plays a plan once: all places at the same time, each in the order of its steps."""

    def __init__(
        self,
        wire: Wire,
        plan: Plan,
        options: Options,
        *,
        customers: Customers | None = None,
        tick: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`tick` is called with the number of steps that were just done."""
        self.wire, self.plan, self.options = wire, plan, options
        self.customers, self.tick = customers, tick
        self.tally = Tally()
        self._taken: set[Key] = set()
        self._waiting: dict[Key, asyncio.Event] = {}

    async def play(self) -> Tally:
        """Register the tills and play everything that the service does not have yet.

        Raises:
            PlayError: the service refused a request as a whole, or did not answer.
        """
        before = self.wire.requests, self.wire.retries
        there = await self.register()
        steps: dict[str, list[Step]] = defaultdict(list)
        for step in self.plan.steps:
            steps[step.location].append(step)
        await self.release(lambda key: key[0] in there)
        started = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for location, its_steps in steps.items():
                    left = self._left(its_steps, there)
                    group.create_task(_Walk(self, location, left, started).walk())
        except* PlayError as errors:
            raise _first(errors) from None
        tally = self.tally
        tally.seconds = round(time.monotonic() - started, 3)
        tally.lines_per_second = round(tally.lines / max(tally.seconds, 0.001), 1)
        tally.requests = self.wire.requests - before[0]
        tally.retries = self.wire.retries - before[1]
        return tally

    async def register(self) -> dict[str, int]:
        """Register every till; gives the last receipt that the service has of each."""
        there: dict[str, int] = {}
        for terminal, location in self.plan.terminals.items():
            there[terminal] = await last_sequence(self.wire, terminal)
            name = f"Till {terminal.rpartition('-')[2]}"
            body = json.encode({"location": location, "name": name, "first_sequence": 1})
            if not there[terminal]:
                await self.wire.must("PUT", f"/v1/pos/terminals/{terminal}", body)
        return there

    def _left(self, steps: list[Step], there: dict[str, int]) -> list[Step]:
        """What a place still has to play: it goes on where it stopped.

        Recorded dates make a receipt the same each time, so it is sent again and told as a
        duplicate. Dates of the present do not: what is there is not sent again.
        """
        if self.options.keep_dates:
            return steps
        left: list[Step] = []
        for step in steps:
            if isinstance(step, PlayedReceipt) and step.key[1] <= there[step.key[0]]:
                self.taken(step)
                self.tally.already_there += 1
                self.tick(1 + sum(isinstance(one, PlayedCorrection) for one in left))
                # what came before it at this place was played before it
                left = [one for one in left if isinstance(one, PlayedReceipt)]
            else:
                left.append(step)
        return left

    def must_wait(self, played: PlayedReceipt) -> bool:
        """Whether a return brings back what the service does not know as sold."""
        return bool(played.sales() - self._taken)

    async def wait(self, played: PlayedReceipt) -> None:
        """Return as soon as all its sales are known to the service."""
        while missing := played.sales() - self._taken:  # more may have come while one was awaited
            await self._waiting.setdefault(missing.pop(), asyncio.Event()).wait()

    def taken(self, played: PlayedReceipt) -> None:
        """The service has it: returns that wait for it may go."""
        self._taken.add(played.key)
        if event := self._waiting.pop(played.key, None):
            event.set()

    async def send(
        self, part: Sequence[PlayedReceipt], *, again: bool, asked_before: bool = False
    ) -> None:
        """Send receipts of one place; with `again` a second time, as if the reply had been lost."""
        body = self.body_of(part)
        results, asked_again = await self._ask(body, len(part))
        for played, result in zip(part, results, strict=True):
            self._count(played, result, asked_again=asked_again or asked_before)
        held = {
            played.key
            for played, result in zip(part, results, strict=True)
            if "held_for_review" in (result.status, result.first_status)
        }
        if again:
            self.tally.lost_replies += 1
            second, _ = await self._ask(body, len(part))
            self.tally.duplicates += sum(result.status == "duplicate" for result in second)
        if held:
            await self.release(held.__contains__)
        for played in part:
            self.taken(played)
            if self.customers is not None and played.collect:
                self.customers.served(played)
        self.tick(len(part))

    def body_of(self, part: Sequence[PlayedReceipt]) -> bytes:
        """The request that sends receipts."""
        content: dict[str, object] = {"receipts": [played.receipt for played in part]}
        if self.options.keep_dates:
            content["backfill"] = True
        return json.encode(content)

    async def _ask(self, body: bytes, count: int) -> tuple[list[TillResult], bool]:
        """The results, and whether it had to be asked more than once."""
        answer = await self.wire.must("POST", "/v1/pos/receipts", body)
        results = answer.told(TillResults).results
        if len(results) != count:
            raise PlayError(f"{count} receipts were answered by {len(results)} results")
        return results, answer.tries > 1

    def _count(self, played: PlayedReceipt, result: TillResult, *, asked_again: bool) -> None:
        tally, status = self.tally, result.status
        tally.duplicates += status == "duplicate"
        # a duplicate of our own first try, whose reply was lost, was taken now
        if status in TAKEN or (status == "duplicate" and asked_again):
            tally.receipts += 1
            tally.lines += len(played.receipt.lines)
            for problem in result.problems:
                _add(tally.problems, problem.code)
        elif status != "duplicate":
            _add(tally.refusals, result.code or status)

    async def release(self, wanted: Callable[[Key], bool]) -> None:
        """Accept receipts that were held for review."""
        for key, identifier in (await held_for_review(self.wire)).items():
            if not wanted(key):
                continue
            body = json.encode({"action": "accept", "reason": "recorded sale, checked"})
            path = f"/v1/pos/exceptions/{identifier}/resolve"
            await self.wire.must("POST", path, body, key=f"accept-{identifier}")
            self.tally.released_from_review += 1

    async def correct(self, movements: Sequence[Movement]) -> list[MoveResult]:
        """Post a correction; recorded dates are kept or moved to the present."""
        if not self.options.keep_dates:
            now = datetime.now(UTC)
            movements = [replace(movement, occurred_at=now) for movement in movements]
        return await move(self.wire, movements)


class _Walk:
    """One place: its steps in order, and what its silent tills still have to send.

    Nothing waits for ever: who waits for a sale at another place has sent all that came before,
    so the earliest step that waits always waits for one that was or will be sent.
    """

    def __init__(self, player: Player, location: str, steps: list[Step], started: float) -> None:
        self.player, self.steps, self.started = player, steps, started
        self.origin = player.plan.steps[0].at
        self.dice = random.Random(f"{player.options.seed}|{location}")  # noqa: S311 - no secret
        self.batch: list[PlayedReceipt] = []
        self.backlog: list[PlayedReceipt] = []
        self.silent: dict[str, int] = {}  # receipts until a till comes back

    async def walk(self) -> None:
        """Play the place's steps to the end."""
        for step in self.steps[:AHEAD_STEPS]:
            self._announce(step)
        for index, step in enumerate(self.steps):
            await self._until(step)
            for coming in self.steps[index + AHEAD_STEPS : index + AHEAD_STEPS + 1]:
                self._announce(coming)
            if isinstance(step, PlayedCorrection):
                await self._correct(step)
            else:
                await self._ring_up(step)
        await self._come_back(None)

    def _announce(self, step: Step) -> None:
        if self.player.customers is not None and isinstance(step, PlayedReceipt) and step.collect:
            self.player.customers.coming(step)

    async def _until(self, step: Step) -> None:
        """Wait for the step's moment; a till does not keep back what it has while it waits."""
        speed = self.player.options.speed
        if not speed:
            return
        due = self.started + (step.at - self.origin).total_seconds() / speed
        if due > time.monotonic():
            await self._send_batch()
            await asyncio.sleep(due - time.monotonic())

    async def _ring_up(self, played: PlayedReceipt) -> None:
        if not self.player.options.keep_dates:
            now = datetime.now(UTC)
            played = replace(played, receipt=replace(played.receipt, occurred_at=now))
        terminal = played.receipt.terminal
        if self._is_silent(terminal):
            self.backlog.append(played)
            self.player.tally.offline_receipts += 1
            self.silent[terminal] -= 1
            if not self.silent[terminal]:
                await self._come_back(terminal)
            return
        if not fits_together(self.batch, played, BATCH_RECEIPTS) or self.player.must_wait(played):
            await self._send_batch()
            if self.player.must_wait(played):
                await self._come_back(None)
        self.batch.append(played)

    def _is_silent(self, terminal: str) -> bool:
        if self.silent.get(terminal):
            return True
        share, mean = self.player.options.offline_share, sum(SPELL_RECEIPTS) / 2
        if self.dice.random() >= share / (mean * (1 - share) + share):
            return False
        self.silent[terminal] = self.dice.randint(*SPELL_RECEIPTS)
        self.player.tally.offline_spells += 1
        return True

    async def _come_back(self, terminal: str | None) -> None:
        """A till (or all) sends what it rang up while it was silent, in order."""
        await self._send_batch()
        mine = [one for one in self.backlog if terminal in (None, one.receipt.terminal)]
        known = {one.key for one in mine}
        if any(self.player.must_wait(one) and one.sales() - known for one in mine):
            mine = self.backlog  # whoever has to wait keeps nothing back, see above
        back = {one.receipt.terminal for one in mine}
        self.backlog = [one for one in self.backlog if one.receipt.terminal not in back]
        for one in back:
            self.silent[one] = 0
        await self._send(mine, BACKLOG_RECEIPTS)

    async def _send_batch(self) -> None:
        batch, self.batch = self.batch, []
        await self._send(batch, BATCH_RECEIPTS)

    async def _send(self, receipts: Iterable[PlayedReceipt], most: int) -> None:
        left = deque(receipts)
        while left:
            part = [left.popleft()]
            await self.player.wait(part[0])
            while (
                left and fits_together(part, left[0], most) and not self.player.must_wait(left[0])
            ):
                part.append(left.popleft())
            await self.player.send(part, again=self.dice.random() < LOST_REPLY_SHARE)

    async def _correct(self, step: PlayedCorrection) -> None:
        """Staff correct the book; what a silent till has not told may be what is missing there."""
        await self._send_batch()
        results = await self.player.correct(step.movements)
        if self.backlog and any(result.code == "not_enough_there" for result in results):
            await self._come_back(None)
            results = await self.player.correct(step.movements)
        tally = self.player.tally
        for result in results:
            tally.movements += result.status == "posted"
            tally.duplicates += result.status == "duplicate"
            if result.status == "refused":
                _add(tally.refusals, result.code or "refused")
        self.player.tick(1)


def _add(counts: dict[str, int], code: str) -> None:
    counts[code] = counts.get(code, 0) + 1


def _first(errors: BaseExceptionGroup[PlayError]) -> PlayError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, PlayError) else PlayError(str(error))
