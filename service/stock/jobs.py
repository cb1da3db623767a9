"""Measuring what is sold, every night."""

from service.db import Db
from service.locations.reads import all_cells
from service.schedule import Job
from service.stock import commands

# a mean of 28 days: what a day changes in it is seen a day later at the latest
MEASURE_SECONDS = 86_400.0


async def measure_rates(db: Db) -> int:
    """Measure units sold per open hour of every level, for what silent tills may have sold.

    Safe when two run: both write the same. Small pages, so that nobody waits for it.
    """
    return sum([await commands.measure_rates(db, cell) for cell in await all_cells(db)])


JOBS = (Job("measure_rates", MEASURE_SECONDS, measure_rates, 3_600.0),)
