"""Ending holds whose time is over."""

from service.db import Db
from service.locations.reads import all_cells
from service.reservations.commands import expire
from service.schedule import Job

# Only the release and its event wait for this: an ended hold stops counting at once (contract §12)
EXPIRY_SECONDS = 5.0


async def expire_holds(db: Db) -> int:
    """Write the release of every hold that is due, cell by cell.

    Safe when two run: the function leaves what another has locked.
    """
    return sum([await expire(db, cell) for cell in await all_cells(db)])


JOBS = (Job("expire_holds", EXPIRY_SECONDS, expire_holds),)
