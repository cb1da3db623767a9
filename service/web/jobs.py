"""Forgetting idempotency keys after their time."""

from service.db import Db
from service.schedule import Job
from service.web.commands import forget

HOUR_SECONDS = 3600.0


async def forget_commands(db: Db) -> int:
    """Forget the keys of every cell. Safe when two run: each row goes once."""
    cells = await db.value("web.cells")
    return sum([await forget(db, cell) for cell in cells or ()])


JOBS = (Job("forget_commands", HOUR_SECONDS, forget_commands),)
