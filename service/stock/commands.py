"""Commands on stock: movements of goods, and one-line counts."""

from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command
from service.stock.types import EntryResult, Posting

FUTURE_MINUTES = 10
"""How far ahead a clock may be: later, and the entry is refused (contract §11)."""


class RecordedOutcome(msgspec.Struct, frozen=True):
    """One result an entry, in order; none where the key was used for another request."""

    code: Literal["recorded", "idempotency_key_reused"]
    results: list[EntryResult] = []
    replayed: bool = False


class RecordMovements(Command[RecordedOutcome], frozen=True, kw_only=True):
    """Goods that came in, went out or changed condition, each entry decided by itself."""

    function: ClassVar[str] = "stock.record_movements"
    outcome: ClassVar[type[Any]] = RecordedOutcome
    batch_max: ClassVar[int] = 1_000
    queue_max: ClassVar[int] = 16_000
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    movements: list[Posting]
    future_minutes: int = FUTURE_MINUTES

    def weight(self) -> int:
        """Entries, not requests, are what a call's time goes with."""
        return max(1, len(self.movements))
