"""The nouns of a disturbed replay: what can go wrong, what is sent then, and what is compared."""

from datetime import date, datetime
from typing import Literal, NamedTuple, TypeAlias, get_args

from msgspec import Struct

from service.replay.types import PlayedCorrection, PlayedReceipt, Step

Fault = Literal["offline", "duplicates", "reorder", "skew", "lost", "late"]
"""What a seed can do: tills that are silent for a spell and send a backlog; receipts sent twice, at
once, later or after a cut answer; a changed order inside and across batches; clocks that are wrong
by up to nine minutes; batches that never arrive and are sent again at the end; batches that arrive
many batches later."""

FAULTS: tuple[Fault, ...] = get_args(Fault)


Way = Literal["at once", "from a backlog", "overtaken", "late", "again after a loss", "twice"]
"""How a batch of receipts came there."""


class Deliver(Struct, frozen=True):
    """A batch of receipts; `cut`: the answer to a first try is lost."""

    receipts: tuple[PlayedReceipt, ...]
    way: Way = "at once"
    cut: bool = False

    @property
    def first(self) -> bool:
        """Whether it was not sent before."""
        return self.way != "twice"


class Beat(Struct, frozen=True):
    """A heartbeat: the last number rung up, and by how much the till's clock is ahead."""

    terminal: str
    last_sequence: int
    skew_seconds: int


class Close(Struct, frozen=True):
    """A till's closing of its day (the Z-count)."""

    terminal: str
    business_date: date
    receipts: int
    last_sequence: int


class Correct(Struct, frozen=True):
    """Staff correct the book; `first`: not sent before."""

    correction: PlayedCorrection
    first: bool = True


Sending: TypeAlias = Deliver | Beat | Close | Correct


class Planned(NamedTuple):
    """A step with the moment at which it happens."""

    at: datetime
    step: Step


class HeartbeatBody(Struct, frozen=True):
    """The body of `POST /v1/pos/terminals/{terminal}/heartbeats` (contract §5)."""

    sent_at: datetime
    last_sequence: int


class ClosingBody(Struct, frozen=True):
    """The body of `POST /v1/pos/terminals/{terminal}/closings` (contract §5)."""

    business_date: date
    receipts: int
    last_sequence: int


class Difference(NamedTuple):
    """A row of the end state that is not the same: its key, and the two values (None: no row)."""

    key: str
    clean: str | None
    here: str | None
