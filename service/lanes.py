"""Lanes: concurrent commands (or reads) of one kind go to the database in one call.

A row lock is held until the commit is flushed, so a hot row is capped by commits; a lane makes one
commit decide many commands. No timer: while one call is out, the next batch gathers; an idle lane
adds no delay. The rules are architecture.md §2's.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

# (batch as a JSON array, seconds it may take) -> outcomes, one for each command, in order
Call = Callable[[str, float], Awaitable[list[T]]]


class LaneError(Exception):
    """A command got no outcome; the subclasses say what is known."""


class NotStarted(LaneError):  # noqa: N818 - says what is known of the outcome
    """Nothing was sent: the queue is full, the service is closing or the database is away."""


class OutcomeUnknown(LaneError):  # noqa: N818 - says what is known of the outcome
    """Sent, and no answer came, also when asked again: it may have been decided or not."""


class CommandBroken(LaneError):  # noqa: N818 - says what is known of the outcome
    """The database refused the call for this very command: a bug, or data it cannot take."""

    def __init__(self, message: str, code: str | None = None, *, transient: bool = False) -> None:
        """Keep the database's error code; transient ones (locks, deadlocks) may be retried."""
        super().__init__(message)
        self.code = code
        self.transient = transient


class _Waiting(Generic[T]):
    """A command in the queue, with its place to put the outcome."""

    __slots__ = ("command", "deadline", "future", "weight")

    def __init__(
        self, command: bytes, weight: int, deadline: float, future: asyncio.Future[T]
    ) -> None:
        self.command = command
        self.weight = weight
        self.deadline = deadline
        self.future = future


class Lane(Generic[T]):
    """One queue, one call at a time.

    Args:
        call: sends a batch; raises NotStarted, OutcomeUnknown or CommandBroken.
        batch_max: the weight that one call may carry (a single heavier command still goes alone).
        queue_max: the weight that may wait; beyond it NotStarted.
        call_seconds: how long one call may take.
        deadline_seconds: how long a command may wait and take altogether.
        shared: for reads: the same question twice in one batch is asked once, of one snapshot.
    """

    def __init__(
        self,
        call: Call[T],
        *,
        batch_max: int = 128,
        queue_max: int = 4096,
        call_seconds: float = 1.8,
        deadline_seconds: float = 3.0,
        shared: bool = False,
    ) -> None:
        self._call = call
        self._batch_max = batch_max
        self._queue_max = queue_max
        self._call_seconds = call_seconds
        self._deadline_seconds = deadline_seconds
        self._shared = shared
        self._queue: deque[_Waiting[T]] = deque()
        self._queued_weight = 0
        self._drain_task: asyncio.Task[None] | None = None
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def waiting(self) -> int:
        """The weight that waits in the queue."""
        return self._queued_weight

    def ask(self, command: bytes, weight: int = 1) -> asyncio.Future[T]:
        """Queue one command (a JSON object); the future gets its outcome.

        Raises:
            NotStarted: the queue is full or the lane is closing; nothing was sent.
        """
        if self._closing:
            raise NotStarted("the service is closing")
        if self._queued_weight + weight > self._queue_max and self._queue:
            raise NotStarted("too much is waiting")
        # kept: on Python 3.11 finding it costs a system call, 3 % of a hold
        loop = self._loop = self._loop or asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        deadline = loop.time() + self._deadline_seconds
        self._queue.append(_Waiting(command, weight, deadline, future))
        self._queued_weight += weight
        if self._drain_task is None:
            self._drain_task = loop.create_task(self._drain())
        return future

    async def close(self) -> None:
        """Take nothing more, finish what was accepted."""
        self._closing = True
        if self._drain_task is not None:
            await asyncio.gather(self._drain_task, return_exceptions=True)

    async def _drain(self) -> None:
        try:
            while self._queue:
                batch = self._take()
                if batch:
                    await self._decide(batch)
        finally:
            self._drain_task = None

    def _take(self) -> list[_Waiting[T]]:
        """The next batch, without those that nobody waits for or that waited too long."""
        now = asyncio.get_running_loop().time()
        batch: list[_Waiting[T]] = []
        weight = 0
        most = self._most()
        while self._queue and (not batch or weight + self._queue[0].weight <= most):
            waiting = self._queue.popleft()
            self._queued_weight -= waiting.weight
            if waiting.future.done():
                continue
            if waiting.deadline < now:
                waiting.future.set_exception(NotStarted("waited too long in the queue"))
                continue
            batch.append(waiting)
            weight += waiting.weight
        return batch

    def _most(self) -> int:
        """What the next call may carry: of much that waits, half.

        While one half is answered, the other is decided. Taking all made callers march in step:
        the process and the database worked in turns (holds spread over items: 16 % fewer).
        """
        return min(self._batch_max, max(self._batch_max // 4, -(-self._queued_weight // 2)))

    async def _decide(self, batch: list[_Waiting[T]]) -> None:
        try:
            outcomes = await self._ask_twice(batch)
        except CommandBroken as error:
            if len(batch) == 1 or error.transient:
                self._fail(batch, error)
                return
            # a command that breaks the call is found by asking one by one: its neighbours live
            for waiting in batch:
                await self._decide([waiting])
        except LaneError as error:
            self._fail(batch, error)
        except Exception as error:  # noqa: BLE001 - an unforeseen bug must not leave anyone waiting
            self._fail(batch, CommandBroken(f"{type(error).__name__}: {error}"))
        else:
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if not waiting.future.done():
                    waiting.future.set_result(outcome)

    async def _ask_twice(self, batch: list[_Waiting[T]]) -> list[T]:
        """Ask; after a lost connection or a transient error ask again: keys make that safe."""
        commands = [waiting.command for waiting in batch]
        if self._shared and len(commands) > 1:
            distinct = list(dict.fromkeys(commands))
            if len(distinct) < len(commands):
                answers = await self._ask_twice_of(distinct, batch[-1].deadline)
                found = dict(zip(distinct, answers, strict=True))
                return [found[command] for command in commands]
        return await self._ask_twice_of(commands, batch[-1].deadline)

    async def _ask_twice_of(self, commands: list[bytes], deadline: float) -> list[T]:
        text = (b"[" + b",".join(commands) + b"]").decode()
        try:
            return await self._call(text, self._call_seconds)
        except OutcomeUnknown:
            left = deadline - asyncio.get_running_loop().time()
            try:
                return await self._call(text, min(self._call_seconds, max(0.2, left)))
            except NotStarted as error:
                raise OutcomeUnknown(str(error)) from error
        except CommandBroken as error:
            if not error.transient:
                raise
            return await self._call(text, self._call_seconds)

    def _fail(self, batch: list[_Waiting[T]], error: LaneError) -> None:
        for waiting in batch:
            if not waiting.future.done():
                waiting.future.set_exception(error)
