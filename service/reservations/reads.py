"""Reading reservations."""

from service.db import Db
from service.reservations.commands import ToldReservation


async def reservation_by_id(db: Db, cell: int, identifier: str) -> ToldReservation | None:
    """One reservation as it stands now: ended holds are told as expired at once."""
    return await db.document(
        ToldReservation, "reservations.reservation_by_id", cell, identifier, db.now
    )
