"""Commands on tills."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command, Db
from service.terminals.types import Replaced, Terminal


class PutTerminalOutcome(msgspec.Struct, frozen=True):
    """What happened to the terminal."""

    code: Literal["created", "updated", "unchanged", "unknown_location", "idempotency_key_reused"]
    replayed: bool = False


class PutTerminal(Command[PutTerminalOutcome], frozen=True, kw_only=True):
    """A till in one of its lives, as it shall be."""

    function: ClassVar[str] = "terminals.put_terminal"
    outcome: ClassVar[type[Any]] = PutTerminalOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    terminal: str
    epoch: int | None
    location: str
    name: str | None
    first_sequence: int | None
    in_service: bool | None


class HeartbeatOutcome(msgspec.Struct, frozen=True):
    """The till, as it stands after its heartbeat."""

    code: Literal["recorded", "not_found"]
    terminal: Terminal | None = None


class RecordHeartbeat(Command[HeartbeatOutcome], frozen=True, kw_only=True):
    """A till says that it is there. `locations` is the token's list.

    No key: the same again only says so later.
    """

    function: ClassVar[str] = "terminals.record_heartbeats"
    outcome: ClassVar[type[Any]] = HeartbeatOutcome
    terminal: str
    sent_at: datetime
    last_sequence: int
    locations: list[str] | None


class ClosingOutcome(msgspec.Struct, frozen=True):
    """The till, as it stands after its closing, and what the closing replaced."""

    code: Literal["recorded", "not_found", "in_the_future"]
    terminal: Terminal | None = None
    replaced: Replaced | None = None


class RecordClosing(Command[ClosingOutcome], frozen=True, kw_only=True):
    """A till's Z-count. Its natural key (terminal, day) makes saying it again safe."""

    function: ClassVar[str] = "terminals.record_closings"
    outcome: ClassVar[type[Any]] = ClosingOutcome
    client_id: int
    terminal: str
    business_date: date
    receipts: int
    last_sequence: int
    locations: list[str] | None


class WatchOutcome(msgspec.Struct, frozen=True):
    """How many events a look at the tills made; `last`: where to go on, None at the end."""

    code: Literal["watched"]
    events: int
    last: str | None


class WatchTerminals(Command[WatchOutcome], frozen=True, kw_only=True):
    """Look at `most` tills that say nothing or that something is missing of, from after a code."""

    function: ClassVar[str] = "terminals.watch_terminals"
    outcome: ClassVar[type[Any]] = WatchOutcome
    batch_max: ClassVar[int] = 1
    after_code: str
    most: int


async def watch(db: Db, cell: int, most: int = 500) -> int:
    """Look at all of a cell's tills that need it; gives the number of events written."""
    events, after = 0, ""
    while True:
        outcome = await db.run(WatchTerminals(after_code=after, most=most), cell)
        events += outcome.events
        if outcome.last is None:
            return events
        after = outcome.last
