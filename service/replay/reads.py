"""What a player asks the service: an HTTP client that does not give up, and the reads it needs."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import product
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
from msgspec import DecodeError, Struct, json
from yarl import URL

T = TypeVar("T")
CONNECTIONS = 32
PATIENCE_SECONDS = 120.0
REQUEST_SECONDS = 60.0
PAUSE_SECONDS_MAX = 5.0
FAULTS_MAX = 3  # a 500 is no promise to get better: asked again a few times, then told
OK = range(200, 300)
NOT_FOUND, CONFLICT, TOO_MANY, FAULT, AWAY = 404, 409, 429, 500, 503


class PlayError(Exception):
    """The service refused, or did not answer; the message is for people."""


class Refused(Struct):
    """What a player looks at in a problem+json."""

    code: str = ""
    detail: str = ""


class Answer(NamedTuple):
    """A reply: its status, its body, and how long to wait before asking again, in seconds."""

    status: int
    body: bytes
    retry_after: float = 0.0
    tries: int = 1

    def told(self, kind: type[T]) -> T:
        """The body as `kind`; fields that it does not name are ignored."""
        return json.decode(self.body, type=kind)

    def refused(self) -> Refused:
        """The problem that was told; empty where the body is none."""
        try:
            return self.told(Refused)
        except DecodeError:
            return Refused()


Send = Callable[[str, str, bytes | None, dict[str, str]], Awaitable[Answer]]


class Wire:
    """Asks until it is answered: safe, as all that is sent here may be sent twice.

    Lost connections, 429 and 503 are tried again, with growing pauses or after what Retry-After
    says, until nothing has come for `patience` seconds.
    """

    def __init__(self, send: Send, patience: float = PATIENCE_SECONDS) -> None:
        """`send` is one try: (method, path, body, headers)."""
        self._send, self._patience = send, patience
        self.requests = 0
        self.retries = 0

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str | None = None,
        media: str = "application/json",
    ) -> Answer:
        """The service's answer, whatever it is.

        Raises:
            PlayError: there was none in time.
        """
        headers = {"Content-Type": media} if body is not None else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        give_up_at = time.monotonic() + self._patience
        for attempt in range(10**6):
            self.requests += 1
            pause = min(PAUSE_SECONDS_MAX, 0.05 * 2.0 ** min(attempt, 10))
            try:
                answer = await self._send(method, path, body, headers)
            except (aiohttp.ClientError, OSError) as error:  # a timeout is an OSError too
                reason = f"{type(error).__name__}: {error}"
            else:
                code = answer.refused().code if answer.status not in OK else ""
                if not _may_come(answer.status, code, attempt):
                    return answer._replace(tries=attempt + 1)
                pause = max(pause, answer.retry_after)
                reason = f"{answer.status} {code}"
            if time.monotonic() + pause > give_up_at:
                break
            self.retries += 1
            await asyncio.sleep(pause)
        raise PlayError(f"{method} {path}: no answer for {self._patience:.0f} s ({reason})")

    async def must(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str | None = None,
        media: str = "application/json",
    ) -> Answer:
        """A good answer.

        Raises:
            PlayError: the service refused, or did not answer.
        """
        answer = await self.ask(method, path, body, key=key, media=media)
        if answer.status not in OK:
            refused = answer.refused()
            said = f"{answer.status} {refused.code} {refused.detail}".strip()
            raise PlayError(f"{method} {path.partition('?')[0]}: {said}")
        return answer


def _may_come(status: int, code: str, attempt: int) -> bool:
    """Whether asking again can help."""
    if status == TOO_MANY:
        return code != "too_many_open_holds"  # a decision, not a busy moment
    if status == CONFLICT:
        return code == "idempotency_in_flight"
    return status == AWAY or (status >= FAULT and attempt < FAULTS_MAX)


@asynccontextmanager
async def connect(url: str, token: str, connections: int = CONNECTIONS) -> AsyncIterator[Wire]:
    """A wire to a running service, over at most `connections` connections.

    Raises:
        PlayError: the address is not an http(s) address.
    """
    base = url.rstrip("/")
    if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).netloc:
        raise PlayError(f"{url} is not an address like http://127.0.0.1:8000")
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=REQUEST_SECONDS),
        headers={"Authorization": f"Bearer {token}"},
    ) as session:

        async def send(
            method: str, path: str, body: bytes | None, headers: dict[str, str]
        ) -> Answer:
            address = URL(base + path, encoded=True)
            async with session.request(method, address, data=body, headers=headers) as reply:
                return Answer(reply.status, await reply.read(), _seconds(reply.headers))

        yield Wire(send)


def _seconds(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


class Level(Struct):
    """What a player looks at in a stock level."""

    on_hand: int
    sellable: int
    available: int


class _Terminal(Struct):
    last_sequence: int | None = None


class _Held(Struct):
    id: str
    terminal: str
    sequence: int
    state: str = "open"


class _HeldPage(Struct):
    items: list[_Held]
    next_cursor: str | None = None


async def level_of(wire: Wire, location: str, sku: str) -> Level:
    """What the service says is there of an item at a place."""
    path = f"/v1/stock/{quote(location, safe='')}/{quote(sku, safe='')}"
    answer = await wire.ask("GET", path)
    if answer.status == NOT_FOUND:
        return Level(0, 0, 0)  # it was never there
    if answer.status not in OK:
        raise PlayError(f"GET {path}: {answer.status} {answer.refused().code}")
    return answer.told(Level)


async def on_hand_per_sku(
    wire: Wire,
    locations: Sequence[str],
    skus: Iterable[str],
    tick: Callable[[int], None] = lambda _: None,
) -> Counter[str]:
    """Units of each item over all places, asked place by place and item by item."""
    units: Counter[str] = Counter()
    pairs = iter(list(product(locations, skus)))

    async def ask() -> None:
        for location, sku in pairs:  # shared: whoever is free takes the next
            units[sku] += (await level_of(wire, location, sku)).on_hand
            tick(1)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(ask())
    return units


async def last_sequence(wire: Wire, terminal: str) -> int:
    """The last receipt that the service has of a till; 0 where it has none."""
    path = f"/v1/pos/terminals/{quote(terminal, safe='')}"
    answer = await wire.ask("GET", path)
    if answer.status == NOT_FOUND:
        return 0
    if answer.status not in OK:
        raise PlayError(f"GET {path}: {answer.status} {answer.refused().code}")
    return answer.told(_Terminal).last_sequence or 0


async def held_for_review(wire: Wire) -> dict[tuple[str, int], str]:
    """The open exceptions that hold receipts for review, by (terminal, sequence)."""
    held: dict[tuple[str, int], str] = {}
    path = "/v1/pos/exceptions?kind=held_for_review&limit=200"
    cursor: str | None = ""
    while cursor is not None:
        after = f"&cursor={quote(cursor, safe='')}" if cursor else ""
        page = (await wire.must("GET", path + after)).told(_HeldPage)
        held |= {(e.terminal, e.sequence): e.id for e in page.items if e.state == "open"}
        cursor = page.next_cursor
    return held
