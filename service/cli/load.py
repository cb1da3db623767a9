"""A load generator that leaves the machine to the service: it shares its cores with it.

Requests are bytes made beforehand, connections are kept alive, and an answer is looked at only as
far as its status and length; about 15 µs a request on uvloop, an HTTP client library takes 20 times
that.
"""

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

from service.bench.types import Measured

# the number of the connection that asks -> the next request
Maker = Callable[[int], bytes]
_LENGTH = b"content-length: "
TICK_SECONDS = 0.001


class Answer(NamedTuple):
    """One answer, whole."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One connection with one request under way; `answered(self, status, data, body_at)`."""

    __slots__ = ("_buffer", "_lost", "answered", "number", "started", "transport")

    def __init__(self, number: int, lost: Callable[[], None]) -> None:
        """`lost` is told when the service hangs up."""
        self.number = number
        self.started = 0.0
        self.answered: Callable[[Connection, int, bytes, int], None] = _ignore
        self.transport: Any = None
        self._lost = lost
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = transport

    def ask(self, request: bytes, started: float) -> None:
        """Send; `started` is the moment that the time of the answer counts from."""
        self.started = started
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Hand an answer on as soon as it is whole."""
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        at = data.find(_LENGTH, 0, end)
        if end < 0 or (
            at >= 0 and len(data) < end + 4 + int(data[at + len(_LENGTH) : data.find(b"\r", at)])
        ):
            self._buffer = data
            return
        self._buffer = b""
        self.answered(self, int(data[9:12]), data, end + 4)

    def connection_lost(self, _: Exception | None) -> None:
        """Say so."""
        self._lost()


def _ignore(_: Connection, __: int, ___: bytes, ____: int) -> None:
    """Nobody waits for this answer."""


class Load:
    """Some connections to one service; each measurement opens its own (idle ones are cut)."""

    def __init__(self, host: str, port: int, clients: int) -> None:
        """`clients` connections at a time, where a measurement does not say less."""
        self._address = (host, port)
        self._clients = clients

    @asynccontextmanager
    async def _connected(
        self, clients: int
    ) -> AsyncIterator[tuple[list[Connection], asyncio.Future[None]]]:
        """The connections, and what is done when all is answered; fails when one is lost."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def lost() -> None:
            if not done.done():
                done.set_exception(ConnectionResetError("the service closed a connection"))

        connections = []
        for number in range(clients):
            _, connection = await loop.create_connection(
                partial(Connection, number, lost), *self._address
            )
            connections.append(connection)
        yield connections, done
        for connection in connections:
            connection.transport.close()

    async def closed(self, make: Maker, seconds: float, warm: float, clients: int = 0) -> Measured:
        """Every connection asks again as soon as it is answered: the service's capacity."""
        took, statuses = array("d"), Counter[int]()
        left = clients = clients or self._clients
        begin = time.perf_counter() + warm
        end = begin + seconds

        def answered(connection: Connection, status: int, _: bytes, __: int) -> None:
            nonlocal left
            now = time.perf_counter()
            statuses[status] += 1
            if begin <= now <= end:
                took.append(now - connection.started)
            if now < end:
                connection.ask(make(connection.number), now)
                return
            left -= 1
            if not left and not done.done():
                done.set_result(None)

        async with self._connected(clients) as (connections, done):
            for connection in connections:
                connection.answered = answered
                connection.ask(make(connection.number), time.perf_counter())
            await done
        return Measured(took, seconds, statuses)

    async def paced(self, make: Maker, rate: float, seconds: float) -> Measured:
        """`rate` requests a second, whatever the answers do.

        The time of one counts from the moment at which it was due: a stall is told in full.
        """
        took, statuses = array("d"), Counter[int]()
        due = deque[float]()
        total = max(1, int(rate * seconds))

        def answered(connection: Connection, status: int, _: bytes, __: int) -> None:
            now = time.perf_counter()
            statuses[status] += 1
            took.append(now - connection.started)
            if due:
                connection.ask(make(connection.number), due.popleft())
                return
            idle.append(connection)
            if len(took) == total and not done.done():
                done.set_result(None)

        async with self._connected(self._clients) as (connections, done):
            idle = deque(connections)
            for connection in connections:
                connection.answered = answered
            begin, sent = time.perf_counter(), 0
            while sent < total and not done.done():
                now = time.perf_counter()
                while sent < total and begin + sent / rate <= now:
                    due.append(begin + sent / rate)
                    sent += 1
                while due and idle:
                    connection = idle.popleft()
                    connection.ask(make(connection.number), due.popleft())
                await asyncio.sleep(TICK_SECONDS)
            await done
        return Measured(took, seconds, statuses)

    async def each(self, requests: Iterable[bytes]) -> list[Answer]:
        """Ask each of them once, over all connections; answers in the order of the requests."""
        waiting = deque(enumerate(requests))
        answers: dict[int, Answer] = {}
        asked: dict[int, int] = {}
        total = len(waiting)

        def ask(connection: Connection) -> None:
            if waiting:
                asked[connection.number], request = waiting.popleft()
                connection.ask(request, 0.0)
            elif len(answers) == total and not done.done():
                done.set_result(None)

        def answered(connection: Connection, status: int, data: bytes, body_at: int) -> None:
            answers[asked[connection.number]] = Answer(status, data[body_at:])
            ask(connection)

        async with self._connected(self._clients) as (connections, done):
            for connection in connections:
                connection.answered = answered
                ask(connection)
            await done
        return [answers[index] for index in range(total)]
