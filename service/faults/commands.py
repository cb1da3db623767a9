"""Playing a plan into a running service while everything goes wrong that a seed says."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from msgspec import json

from service.faults.rules import planned, sendings
from service.faults.types import (
    Beat,
    Close,
    ClosingBody,
    Correct,
    Deliver,
    Fault,
    HeartbeatBody,
    Planned,
    Sending,
)
from service.replay.commands import Player, move
from service.replay.reads import NOT_FOUND, OK, PlayError, Wire
from service.replay.rules import places
from service.replay.types import Movement, MoveResult, Options, Plan, Tally

CUT_SECONDS = 0.01  # after which a till that loses its connection has lost it
NO_ROUTE = frozenset((NOT_FOUND, 405))


class FaultyPlayer:
    """Plays a plan once with faults: all places at the same time, each as its seed says."""

    def __init__(
        self,
        wire: Wire,
        plan: Plan,
        options: Options,
        faults: frozenset[Fault],
        *,
        tick: Callable[[int], None] = lambda _: None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`tick` is called with the number of steps that were just done, `warn` with news."""
        self.wire, self.plan, self.options, self.faults = wire, plan, options, faults
        self.tick, self.warn = tick, warn
        self.player = Player(wire, plan, options)
        self.deaf = False  # an older service, which hears no heartbeats
        self._refused: list[Sequence[Movement]] = []

    @property
    def tally(self) -> Tally:
        """What happened."""
        return self.player.tally

    async def play(self) -> Tally:
        """Register the tills and play everything; recorded dates may be played again.

        Raises:
            PlayError: the service refused a request as a whole, did not answer, or already has
                receipts that this replay would tell with other times.
        """
        before = self.wire.requests, self.wire.retries
        there = await self.player.register()
        if any(there.values()) and not self.options.keep_dates:
            raise PlayError("the service has receipts of these tills: start from an empty one")
        await self.player.release(lambda key: key[0] in there)
        began, started = datetime.now(UTC), time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for location in sorted({step.location for step in self.plan.steps}):
                    group.create_task(self._play_place(location, began))
        except* PlayError as errors:
            raise PlayError(str(errors.exceptions[0])) from None
        for movements in self._refused:
            await self._correct(movements, last=True)
        tally = self.tally
        tally.seconds = round(time.monotonic() - started, 3)
        tally.lines_per_second = round(tally.lines / max(tally.seconds, 0.001), 1)
        tally.requests = self.wire.requests - before[0]
        tally.retries = self.wire.retries - before[1]
        return tally

    async def _play_place(self, location: str, began: datetime) -> None:
        zone = ZoneInfo(places()[location].time_zone)
        seed = f"{self.options.seed}|{location}"
        for sending in sendings(self._steps_of(location, began), seed, self.faults, zone):
            await self._send(sending)

    def _steps_of(self, location: str, began: datetime) -> Iterator[Planned]:
        """A place's steps, found in all of them again rather than kept in a list of their own."""
        every = planned(self.plan.steps, began, keep_dates=self.options.keep_dates)
        return (one for place, one in every if place == location)

    async def _send(self, sending: Sending) -> None:
        match sending:
            case Deliver():
                await self._deliver(sending)
            case Correct():
                if not sending.first:
                    self._count("corrections sent twice")
                await self._correct(sending.correction.movements)
                self.tick(sending.first)
            case Beat():
                await self._beat(sending)
            case Close():
                closing = ClosingBody(
                    sending.business_date, sending.receipts, sending.last_sequence
                )
                await self._tell(sending.terminal, "closings", json.encode(closing))

    async def _deliver(self, batch: Deliver) -> None:
        if batch.cut:
            self._count("answers cut off")
            with suppress(TimeoutError, PlayError):
                async with asyncio.timeout(CUT_SECONDS):
                    body = self.player.body_of(batch.receipts)
                    await self.wire.ask("POST", "/v1/pos/receipts", body)
        self._count(f"batches sent {batch.way}")
        await self.player.send(batch.receipts, again=False, asked_before=batch.cut)
        if batch.first:
            self.tick(len(batch.receipts))

    async def _beat(self, beat: Beat) -> None:
        said = datetime.now(UTC) + timedelta(seconds=beat.skew_seconds)
        body = json.encode(HeartbeatBody(said, beat.last_sequence))
        await self._tell(beat.terminal, "heartbeats", body)

    async def _tell(self, terminal: str, what: str, body: bytes) -> None:
        """A heartbeat or a closing; a service that knows none is told no more."""
        if self.deaf:
            return
        path = f"/v1/pos/terminals/{quote(terminal, safe='')}/{what}"
        answer = await self.wire.ask("POST", path, body)
        if answer.status in OK:
            self._count(what)
        elif answer.status in NO_ROUTE:
            if not self.deaf:  # all places ask at once
                self.warn("the service takes no heartbeats and closings: it is an older one")
            self.deaf = True
        else:
            refused = answer.refused()
            raise PlayError(f"POST {path}: {answer.status} {refused.code} {refused.detail}")

    async def _correct(self, movements: Sequence[Movement], *, last: bool = False) -> None:
        """Staff correct the book; what is not there yet is tried again when all has come."""
        results = await move(self.wire, movements)
        later = [
            movement
            for movement, result in zip(movements, results, strict=True)
            if result.code == "not_enough_there" and not last
        ]
        if later:
            self._count("corrections put off", len(later))
            self._refused.append(later)
        for result in results:
            self._count_result(result, last=last)

    def _count_result(self, result: MoveResult, *, last: bool) -> None:
        tally = self.tally
        tally.movements += result.status == "posted"
        tally.duplicates += result.status == "duplicate"
        if result.status == "refused" and (last or result.code != "not_enough_there"):
            code = result.code or "refused"
            tally.refusals[code] = tally.refusals.get(code, 0) + 1

    def _count(self, what: str, how_many: int = 1) -> None:
        self.tally.faults[what] = self.tally.faults.get(what, 0) + how_many
