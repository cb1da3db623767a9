"""Commands on stock: movements of goods, one-line counts, and what is sold in an hour."""

from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command, Db
from service.stock.types import EntryResult, Posting, StoredLevel

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


class CountedOutcome(msgspec.Struct, frozen=True):
    """The level after the count, or why the book was left as it is (`actual`: what it holds)."""

    code: Literal[
        "counted",
        "expected_quantity_mismatch",
        "precondition_failed",
        "not_found",
        "not_stock_tracked",
        "idempotency_key_reused",
    ]
    level: StoredLevel | None = None
    actual: int | None = None
    replayed: bool = False


class CountLevel(Command[CountedOutcome], frozen=True, kw_only=True):
    """A one-line count; `if_change` is the level's change_count that the asker saw (If-Match)."""

    function: ClassVar[str] = "stock.count_level"
    outcome: ClassVar[type[Any]] = CountedOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    location: str
    sku: str
    sellable: int
    expected: int | None
    if_change: int | None
    document_id: str
    reason: str


class SafetyOutcome(msgspec.Struct, frozen=True):
    """The level with its new safety stock, or why it was left."""

    code: Literal[
        "set", "precondition_failed", "not_found", "not_stock_tracked", "idempotency_key_reused"
    ]
    level: StoredLevel | None = None
    replayed: bool = False


class SetSafetyStock(Command[SafetyOutcome], frozen=True, kw_only=True):
    """How many units of an item are never promised at a place; None: the general rule."""

    function: ClassVar[str] = "stock.set_safety_stock"
    outcome: ClassVar[type[Any]] = SafetyOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    location: str
    sku: str
    safety_stock: int | None
    if_change: int | None


class RatesOutcome(msgspec.Struct, frozen=True):
    """How many levels a page had, and its last one; both None after the end."""

    code: Literal["measured"]
    levels: int
    location_id: int | None = None
    sku_id: int | None = None


class MeasureRates(Command[RatesOutcome], frozen=True, kw_only=True):
    """Units sold per open hour, for `most` levels from after the one named (0, 0: from the first).

    Both are the database's own numbers of a place and an item; they are told nobody else.
    """

    function: ClassVar[str] = "stock.measure_rates"
    outcome: ClassVar[type[Any]] = RatesOutcome
    location_id: int
    sku_id: int
    most: int


async def measure_rates(db: Db, cell: int, most: int = 200) -> int:
    """Measure every level of a cell, page by page; gives their number."""
    total, place, item = 0, 0, 0
    while True:
        page = await db.run(MeasureRates(location_id=place, sku_id=item, most=most), cell)
        total += page.levels
        if page.levels < most or page.location_id is None or page.sku_id is None:
            return total
        place, item = page.location_id, page.sku_id
