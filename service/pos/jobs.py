"""Marking voids that wait too long for their sale."""

from service.db import Db
from service.locations.reads import all_cells
from service.pos.commands import MarkOverdue
from service.schedule import Job

MINUTES_SECONDS = 300.0
MOST = 500


async def mark_overdue(db: Db) -> int:
    """Mark what is overdue, cell by cell; what is left is for the next run.

    Safe when two run: each void is marked once.
    """
    done = 0
    for cell in await all_cells(db):
        done += (await db.run(MarkOverdue(most=MOST), cell)).receipts
    return done


JOBS = (Job("mark_overdue", MINUTES_SECONDS, mark_overdue),)
