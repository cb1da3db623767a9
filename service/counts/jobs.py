"""Posting large counts to their end, and giving up the forgotten ones."""

from service.counts.commands import tend
from service.db import Db
from service.locations.reads import all_cells
from service.schedule import Job

TEND_SECONDS = 2.0


async def tend_counts(db: Db) -> int:
    """Post what approved counts have left, and cancel those idle for a day, cell by cell.

    Safe when two run: the function leaves what another has locked.
    """
    return sum([await tend(db, cell) for cell in await all_cells(db)])


JOBS = (Job("tend_counts", TEND_SECONDS, tend_counts),)
