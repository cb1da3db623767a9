"""Looking after the tills that say nothing."""

from service.db import Db
from service.locations.reads import all_cells
from service.schedule import Job
from service.terminals.commands import watch

# a number that was announced and has not come for 30 s is a gap within a minute
WATCH_SECONDS = 10.0


async def watch_terminals(db: Db) -> int:
    """Tell who fell silent, and open the gaps of what was announced and did not come.

    Safe when two run: the function leaves what another has locked, and tells each change once.
    """
    return sum([await watch(db, cell) for cell in await all_cells(db)])


JOBS = (Job("watch_terminals", WATCH_SECONDS, watch_terminals),)
