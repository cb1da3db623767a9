"""What tills send when things go wrong. Pure: steps and a seed in, sendings out.

Everything is drawn from the seed, a place at a time, so the same seed does the same again. What is
kept back has bounds of its own: memory does not grow with the length of a file.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from hashlib import sha256
from typing import TypeVar

from msgspec.structs import replace

from service.faults.types import (
    Beat,
    Close,
    Correct,
    Deliver,
    Difference,
    Fault,
    Planned,
    Sending,
    Way,
)
from service.replay.rules import fits_together
from service.replay.types import PlayedCorrection, PlayedReceipt, Step

T = TypeVar("T")
BATCH_RECEIPTS = 8  # what a shop sends at once
BACKLOG_RECEIPTS = 50  # and a till that comes back
SPAN = timedelta(days=5)  # over which a replay of the present is spread: below review's 7 days
SPELL_SHARE, SPELL_RECEIPTS = 0.05, (3, 40)  # receipts that begin a spell, and its length
LOST_SHARE, LOST_BATCHES_MAX = 0.04, 40  # above that many the oldest is sent: a late fill
LATE_SHARE, LATE_BATCHES = 0.04, (15, 60)
SWAP_SHARE, SWAP_BATCHES = 0.15, (1, 5)
SHUFFLE_SHARE = 0.4
AGAIN_SHARE, LATER_SHARE, LATER_BATCHES, CUT_SHARE = 0.1, 0.1, (1, 30), 0.05
SKEW_SHARE, SKEW_SECONDS_MAX = 0.6, 540  # beyond ten minutes a clock is not corrected any more
BEAT_BATCHES = 4  # a heartbeat after so many batches of a place


class Dice:
    """Throws that are the same for the same seed, on every machine and version."""

    def __init__(self, seed: str) -> None:
        self._seed, self._thrown = seed, 0

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        self._thrown += 1
        digest = sha256(f"{self._seed}|{self._thrown}".encode()).digest()
        return low + int.from_bytes(digest[:8], "big") % (high - low + 1)

    def happens(self, share: float) -> bool:
        """True in that share of throws."""
        return self.between(1, 1_000_000) <= share * 1_000_000

    def shuffled(self, things: Sequence[T]) -> list[T]:
        """The same things in another order."""
        left = list(things)
        return [left.pop(self.between(0, len(left) - 1)) for _ in range(len(left))]


def planned(
    steps: Sequence[Step], began: datetime, *, keep_dates: bool
) -> Iterator[tuple[str, Planned]]:
    """Each step's place and moment: the recorded one, or moved to the days before `began`."""
    if not steps:
        return
    last, length = steps[-1].at, steps[-1].at - steps[0].at
    factor = min(1.0, SPAN / length) if length else 1.0
    for step in steps:
        at = step.at if keep_dates else began - (last - step.at) * factor
        yield step.location, Planned(at, step)


def sendings(
    steps: Iterable[Planned], seed: str, faults: frozenset[Fault], zone: tzinfo
) -> Iterator[Sending]:
    """What the tills and the staff of one place send, in order.

    However it goes wrong, each receipt and each correction is sent at least once.
    """
    return _Place(Dice(seed), faults, zone).play(steps)


def differences(clean: Iterable[str], here: Iterable[str]) -> Iterator[Difference]:
    """Where two states differ, in order; both are lines in the order of their characters."""
    ours, theirs = iter(here), iter(clean)
    mine, other = next(ours, None), next(theirs, None)
    while mine is not None or other is not None:
        if mine == other:
            mine, other = next(ours, None), next(theirs, None)
            continue
        key, value = _halves(mine)
        other_key, other_value = _halves(other)
        if key is not None and key == other_key:
            yield Difference(key, other_value, value)
            mine, other = next(ours, None), next(theirs, None)
        elif other_key is None or (key is not None and key < other_key):
            yield Difference(key or "", None, value)
            mine = next(ours, None)
        else:
            yield Difference(other_key, other_value, None)
            other = next(theirs, None)


def _halves(line: str | None) -> tuple[str | None, str | None]:
    if line is None:
        return None, None
    key, _, value = line.rpartition("\t")
    return key, value


class _Till:
    """What a till knows of itself."""

    def __init__(self, terminal: str, skew: int) -> None:
        self.terminal, self.skew_seconds = terminal, skew
        self.last_sequence = self.silent = self.receipts_of_day = 0
        self.day: date | None = None
        self.backlog: list[PlayedReceipt | Close] = []

    def beat(self) -> Beat:
        return Beat(self.terminal, self.last_sequence, self.skew_seconds)

    def close(self) -> Iterator[Close]:
        if self.day is not None:
            yield Close(self.terminal, self.day, self.receipts_of_day, self.last_sequence)
        self.receipts_of_day = 0


class _Place:
    """The tills of one place, what they keep back, and what was lost on the way."""

    def __init__(self, dice: Dice, faults: frozenset[Fault], zone: tzinfo) -> None:
        self.dice, self.faults, self.zone = dice, faults, zone
        self.tills: dict[str, _Till] = {}
        self.outbox: list[PlayedReceipt | Close] = []
        self.waiting: dict[int, list[Deliver]] = defaultdict(list)  # by the batch they wait for
        self.lost: deque[Deliver] = deque()
        self.batches = 0

    def play(self, steps: Iterable[Planned]) -> Iterator[Sending]:
        for at, step in steps:
            if isinstance(step, PlayedCorrection):
                yield from self._correct(at, step)
            else:
                yield from self._ring_up(at, step)
        yield from self._end()

    def _throws(self, fault: Fault, share: float) -> bool:
        return fault in self.faults and self.dice.happens(share)

    def _correct(self, at: datetime, step: PlayedCorrection) -> Iterator[Sending]:
        movements = tuple(replace(one, occurred_at=at) for one in step.movements)
        correction = replace(step, movements=movements)
        yield Correct(correction)
        if self._throws("duplicates", AGAIN_SHARE):
            yield Correct(correction, first=False)

    def _ring_up(self, at: datetime, played: PlayedReceipt) -> Iterator[Sending]:
        till = self.tills.get(played.receipt.terminal)
        if till is None:
            till = self._switch_on(played.receipt.terminal)
            yield till.beat()
        at += timedelta(seconds=till.skew_seconds)
        played = replace(played, receipt=replace(played.receipt, occurred_at=at))
        happened: list[PlayedReceipt | Close] = []
        if (day := at.astimezone(self.zone).date()) != till.day:
            happened.extend(till.close())
            till.day = day
        happened.append(played)
        till.last_sequence = played.receipt.sequence
        till.receipts_of_day += 1
        if till.silent or self._throws("offline", SPELL_SHARE):
            yield from self._keep_silent(till, happened)
            return
        self.outbox += happened
        if len(self.outbox) >= BATCH_RECEIPTS:
            yield from self._send(self._taken(), BATCH_RECEIPTS)

    def _switch_on(self, terminal: str) -> _Till:
        skew = 0
        if self._throws("skew", SKEW_SHARE):
            skew = self.dice.between(-SKEW_SECONDS_MAX, SKEW_SECONDS_MAX)
        self.tills[terminal] = _Till(terminal, skew)
        return self.tills[terminal]

    def _keep_silent(
        self, till: _Till, happened: Sequence[PlayedReceipt | Close]
    ) -> Iterator[Sending]:
        if not till.silent:
            till.silent = self.dice.between(*SPELL_RECEIPTS)
            yield from self._send(self._taken(), BATCH_RECEIPTS)
        till.backlog += happened
        till.silent -= 1
        if not till.silent:
            yield from self._come_back(till)

    def _come_back(self, till: _Till) -> Iterator[Sending]:
        backlog, till.backlog, till.silent = till.backlog, [], 0
        yield till.beat()
        yield from self._send(backlog, BACKLOG_RECEIPTS)

    def _taken(self) -> list[PlayedReceipt | Close]:
        outbox, self.outbox = self.outbox, []
        return outbox

    def _send(self, out: Iterable[PlayedReceipt | Close], most: int) -> Iterator[Sending]:
        part: list[PlayedReceipt] = []
        for one in out:
            if part and (isinstance(one, Close) or not fits_together(part, one, most)):
                yield from self._dispatch(part, most)
                part = []
            if isinstance(one, Close):
                yield one
            else:
                part.append(one)
        if part:
            yield from self._dispatch(part, most)

    def _dispatch(self, part: list[PlayedReceipt], most: int) -> Iterator[Sending]:
        """One batch, and what becomes of it on its way."""
        if self._throws("reorder", SHUFFLE_SHARE):
            part = self.dice.shuffled(part)
        way: Way = "from a backlog" if most > BATCH_RECEIPTS else "at once"
        batch = Deliver(tuple(part), way, cut=self._throws("duplicates", CUT_SHARE))
        if self._throws("lost", LOST_SHARE):
            self.lost.append(replace(batch, way="again after a loss"))
            if len(self.lost) > LOST_BATCHES_MAX:
                yield from self._arrive(self.lost.popleft())
        elif self._throws("late", LATE_SHARE):
            self._wait(replace(batch, way="late"), LATE_BATCHES)
        elif self._throws("reorder", SWAP_SHARE):
            self._wait(replace(batch, way="overtaken"), SWAP_BATCHES)
        else:
            yield from self._arrive(batch)

    def _wait(self, batch: Deliver, batches: tuple[int, int]) -> None:
        self.waiting[self.batches + self.dice.between(*batches)].append(batch)

    def _arrive(self, batch: Deliver) -> Iterator[Sending]:
        yield batch
        if batch.first:
            again = Deliver(batch.receipts, "twice")
            if self._throws("duplicates", AGAIN_SHARE):
                yield again
            if self._throws("duplicates", LATER_SHARE):
                half = self.dice.between(0, len(again.receipts))  # split as it may be the next time
                for part in (again.receipts[:half], again.receipts[half:]):
                    if part:
                        self._wait(Deliver(part, "twice"), LATER_BATCHES)
        self.batches += 1
        if self.batches % BEAT_BATCHES == 0:
            yield from (till.beat() for till in self.tills.values() if not till.silent)
        for due in self.waiting.pop(self.batches, ()):
            yield from self._arrive(due)

    def _end(self) -> Iterator[Sending]:
        """Everybody is back, every day is closed, and what is missing is sent again."""
        yield from self._send(self._taken(), BATCH_RECEIPTS)
        for till in self.tills.values():
            yield from self._come_back(till)
            yield from till.close()
        while self.waiting:
            for batch in self.waiting.pop(min(self.waiting)):
                yield from self._arrive(batch)
        while self.lost:
            yield from self._arrive(self.lost.popleft())
        while self.waiting:  # what was lost may have been sent twice
            for batch in self.waiting.pop(min(self.waiting)):
                yield from self._arrive(batch)
        yield from (till.beat() for till in self.tills.values())
