"""Who asks: the client behind a bearer token, and what it may do.

The domain `access` looks tokens up; this module keeps what it found for a few seconds, so that a
hot path asks no database and a revoked key stops within five seconds.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from service.web.problems import Problem

# revocation must be effective within 5 s: what was read is believed for less than that
FRESH_SECONDS = 3.0
_CACHE_MAX = 10_000


class Client(msgspec.Struct, frozen=True):
    """The owner of a token. `locations` None means all; `expires` is a Unix time."""

    client_id: int
    name: str
    key_id: str
    scopes: frozenset[str]
    locations: frozenset[str] | None
    expires: float

    def may(self, scopes: tuple[str, ...]) -> bool:
        """Whether any of the scopes is covered: write includes read, admin includes all."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(scopes)

    def covers(self, location: str) -> bool:
        """Whether the token's list of locations covers this one."""
        return self.locations is None or location in self.locations


Lookup = Callable[[str], Coroutine[Any, Any, Client | None]]


class Tokens:
    """Bearer tokens, looked up and remembered for FRESH_SECONDS."""

    def __init__(self, lookup: Lookup) -> None:
        """`lookup` finds the client of a token in the database."""
        self._lookup = lookup
        self._known: dict[str, tuple[float, Client]] = {}
        self._asking: dict[str, asyncio.Task[Client | None]] = {}

    async def client(self, header: str | None) -> Client:
        """The client of an Authorization header.

        Raises:
            Problem: 401.
        """
        if not header or header[:7].lower() != "bearer ":
            raise Problem("unauthenticated", "Send `Authorization: Bearer <token>`.")
        token = header[7:].strip()
        known = self._known.get(token)
        now = time.monotonic()
        if known is None or known[0] < now:
            client = await self._find(token)
            if client is None:
                self._known.pop(token, None)
                raise Problem("unauthenticated", "The token is unknown, expired or revoked.")
            if len(self._known) >= _CACHE_MAX:
                self._known.clear()
            known = (now + FRESH_SECONDS, client)
            self._known[token] = known
        if known[1].expires < time.time():
            raise Problem("unauthenticated", "The token is unknown, expired or revoked.")
        return known[1]

    async def _find(self, token: str) -> Client | None:
        """Look a token up; what many requests ask for at once is asked once."""
        task = self._asking.get(token)
        if task is None:
            task = asyncio.ensure_future(self._lookup(token))
            self._asking[token] = task
            task.add_done_callback(lambda _: self._asking.pop(token, None))
        return await asyncio.shield(task)
