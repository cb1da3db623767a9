"""What time does to transfers (domain §2.8): nobody picked it, it is late, nobody settled it."""

from service.db import Db
from service.locations.reads import all_cells
from service.schedule import Job
from service.transfers.commands import sweep
from service.transfers.rules import DISPUTE_SECONDS, OVERDUE_SECONDS, UNPICKED_SECONDS

# the shortest of the three waits is a day: a minute more is nobody's loss
SWEEP_SECONDS = 60.0


async def cancel_unpicked(db: Db) -> int:
    """Give free what was asked for and not sent for 48 hours.

    Safe when two run, as the two below: the function leaves what another has locked.
    """
    return sum(
        [await sweep(db, cell, "unpicked", UNPICKED_SECONDS) for cell in await all_cells(db)]
    )


async def tell_overdue(db: Db) -> int:
    """Tell once what has not all come a day after its ETA."""
    return sum([await sweep(db, cell, "overdue", OVERDUE_SECONDS) for cell in await all_cells(db)])


async def close_short(db: Db) -> int:
    """Write off what is still missing 72 hours after the last receipt."""
    return sum([await sweep(db, cell, "short", DISPUTE_SECONDS) for cell in await all_cells(db)])


JOBS = (
    Job("cancel_unpicked_transfers", SWEEP_SECONDS, cancel_unpicked),
    Job("tell_overdue_transfers", SWEEP_SECONDS, tell_overdue),
    Job("close_short_transfers", SWEEP_SECONDS, close_short),
)
