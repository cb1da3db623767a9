"""What can be done with a count: each a Struct and a SQL function."""

from typing import Any, ClassVar, Literal

import msgspec

from service.counts.types import AskedLine, LineOutcome, ToldSession
from service.db import Command, Db


class PostOutcome(msgspec.Struct, frozen=True):
    """One result a line, in order, and the id under which the count is kept."""

    code: Literal["posted", "unknown_location", "idempotency_key_reused"]
    replayed: bool = False
    session_id: str | None = None
    results: list[LineOutcome] = []


class PostCount(Command[PostOutcome], frozen=True, kw_only=True):
    """A count that is approved as it comes, each line decided by itself."""

    function: ClassVar[str] = "counts.post_count"
    outcome: ClassVar[type[Any]] = PostOutcome
    batch_max: ClassVar[int] = 1_000
    queue_max: ClassVar[int] = 16_000
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    session_id: str
    location: str
    reason: str | None
    lines: list[AskedLine]

    def weight(self) -> int:
        """Lines, not requests, are what a call's time goes with."""
        return max(1, len(self.lines))


class SessionOutcome(msgspec.Struct, frozen=True):
    """What became of a session; `names` are zones, items or tills that the outcome speaks of."""

    code: Literal[
        "opened",
        "counted",
        "marked",
        "submitted",
        "recounting",
        "approved",
        "cancelled",
        "not_found",
        "precondition_failed",
        "wrong_state",
        "unknown_location",
        "unknown_sku",
        "unknown_task",
        "unknown_zone",
        "zones_open",
        "recount_incomplete",
        "nothing_to_recount",
        "second_person_needed",
        "tills_not_heard_out",
        "not_a_full_count",
        "idempotency_key_reused",
    ]
    replayed: bool = False
    session: ToldSession | None = None
    names: list[str] = []
    results: list[LineOutcome] = []


class OpenSession(Command[SessionOutcome], frozen=True, kw_only=True):
    """Begin a count of a place, in zones; `skus` or the task's item limit it."""

    function: ClassVar[str] = "counts.open_session"
    outcome: ClassVar[type[Any]] = SessionOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    session_id: str
    location: str
    kind: str
    zones: list[str]
    skus: list[str]
    task_id: str | None
    reason: str | None


class SessionCommand(Command[SessionOutcome], frozen=True, kw_only=True):
    """What every change of a count has; `if_version` is the version that the asker saw."""

    outcome: ClassVar[type[Any]] = SessionOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    session_id: str
    locations: list[str] | None
    if_version: int | None


class RecordScans(SessionCommand, frozen=True, kw_only=True):
    """Add what was scanned, each scan decided by itself."""

    function: ClassVar[str] = "counts.record_scans"
    batch_max: ClassVar[int] = 1_000
    queue_max: ClassVar[int] = 16_000
    scans: list[AskedLine]

    def weight(self) -> int:
        """Scans, not requests, are what a call's time goes with."""
        return max(1, len(self.scans))


class MarkZone(SessionCommand, frozen=True, kw_only=True):
    """Close a zone, or open it again."""

    function: ClassVar[str] = "counts.mark_zone"
    zone: str
    closed: bool


class SubmitSession(SessionCommand, frozen=True, kw_only=True):
    """Hand the count in; `tolerance` in sales units."""

    function: ClassVar[str] = "counts.submit_session"
    batch_max: ClassVar[int] = 8
    tolerance: int


class RecountSession(SessionCommand, frozen=True, kw_only=True):
    """Have what is over tolerance (in sales units) counted a second time."""

    function: ClassVar[str] = "counts.recount_session"
    batch_max: ClassVar[int] = 8
    tolerance: int


class ApproveSession(SessionCommand, frozen=True, kw_only=True):
    """Take the count for true and post it; `tolerance` in sales units."""

    function: ClassVar[str] = "counts.approve_session"
    batch_max: ClassVar[int] = 1
    tolerance: int
    employee: str | None
    provisional: bool
    zero_uncounted: bool


class CancelSession(SessionCommand, frozen=True, kw_only=True):
    """Give the count up; a second time changes nothing."""

    function: ClassVar[str] = "counts.cancel_session"


class TendOutcome(msgspec.Struct, frozen=True):
    """How many counts were posted further, or given up."""

    code: Literal["tended"]
    sessions: int


class TendSessions(Command[TendOutcome], frozen=True, kw_only=True):
    """Post the rest of approved counts, `most` items at a time; give up those that are idle."""

    function: ClassVar[str] = "counts.tend_sessions"
    outcome: ClassVar[type[Any]] = TendOutcome
    idle_hours: int
    most: int


IDLE_HOURS = 24
"""How long nobody may touch a count before it is given up (domain §2.5)."""
MOST = 500
"""Items, or idle counts, in one short transaction."""


async def tend(db: Db, cell: int) -> int:
    """Post and give up what is due, until nothing is; gives the number of steps."""
    total = 0
    while done := (await db.run(TendSessions(idle_hours=IDLE_HOURS, most=MOST), cell)).sessions:
        total += done
    return total
