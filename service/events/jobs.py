"""Keeping the event table and the ledgers in months."""

from service.db import Db
from service.schedule import Job

DAY_SECONDS = 24 * 3600.0


async def maintain_partitions(db: Db) -> int:
    """Make the months ahead, drop the events that are older than they are kept.

    Safe when two run: the function takes its own lock, and a month that is there is left alone.
    """
    return int(await db.value("events.maintain_partitions"))


JOBS = (Job("maintain_partitions", DAY_SECONDS, maintain_partitions),)
