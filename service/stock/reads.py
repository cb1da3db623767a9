"""Reading levels, the ledger, and why a level is what it is. One query each."""

from datetime import datetime

import msgspec

from service.db import Db
from service.stock.types import LedgerEntry, StoredExplanation, StoredLevel

Place = tuple[int, str, str]
"""Cell, location and SKU."""

CLAIMS_SHOWN = 100
MOVEMENTS_SHOWN = 10

_entries = msgspec.json.Decoder(list[LedgerEntry]).decode
_explanation = msgspec.json.Decoder(StoredExplanation).decode


async def level_now(db: Db, place: Place) -> StoredLevel | None:
    """The balance now; None where the place or the item is unknown."""
    return await db.one(StoredLevel, "stock.level", *place, db.now)


async def level_at(
    db: Db, place: Place, at: datetime | None, known_at: datetime | None
) -> StoredLevel | None:
    """The accounts of entries that occurred until `at`, of those recorded until `known_at`."""
    return await db.one(StoredLevel, "stock.level_at", *place, at, known_at)


async def ledger_before(
    db: Db, place: Place, before: int | None, limit: int
) -> list[LedgerEntry] | None:
    """Entries below a sequence, newest first; None where the place or the item is unknown."""
    text = await db.value("stock.ledger", *place, before, limit)
    return None if text is None else _entries(text)


async def explanation(db: Db, place: Place) -> StoredExplanation | None:
    """The level, what holds it and what made it; None where the place or the item is unknown."""
    text = await db.value("stock.explanation", *place, db.now, CLAIMS_SHOWN, MOVEMENTS_SHOWN)
    return None if text is None else _explanation(text)
