"""Posting what has become known, and telling of receipts that do not come."""

from service.db import Db
from service.exceptions.commands import mark_unmatched, replay
from service.locations.reads import all_cells
from service.schedule import Job

# a newly mapped barcode's lines are posted within 5 s (contract §12 Tills)
REPLAY_SECONDS = 2.0
MATCH_SECONDS = 30.0


async def replay_mapped(db: Db) -> int:
    """Post lines whose code has become known since they came.

    Safe when two run: the function locks the tills and looks again.
    """
    return sum([await replay(db, cell) for cell in await all_cells(db)])


async def mark_handovers(db: Db) -> int:
    """Tell of handovers that no till sale came for within the hour.

    Safe when two run: the function leaves what another has locked.
    """
    return sum([await mark_unmatched(db, cell) for cell in await all_cells(db)])


JOBS = (
    Job("replay_mapped", REPLAY_SECONDS, replay_mapped),
    Job("mark_handovers", MATCH_SECONDS, mark_handovers),
)
