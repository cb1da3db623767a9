"""Forgetting what was decided long ago."""

from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command, Db

KEEP_DAYS = 7  # longer than any till stays offline and retries (contract §1)
MOST = 2_000  # rows in one short transaction


class ForgetOutcome(msgspec.Struct, frozen=True):
    """How many command rows went."""

    code: Literal["forgotten"]
    commands: int


class ForgetCommands(Command[ForgetOutcome], frozen=True, kw_only=True):
    """Forget command rows that are older than `keep_days`, the oldest `most` of them."""

    function: ClassVar[str] = "web.forget_commands"
    outcome: ClassVar[type[Any]] = ForgetOutcome
    keep_days: int
    most: int


async def forget(db: Db, cell: int) -> int:
    """Forget what is due, batch by batch; gives the number of rows."""
    total = 0
    while True:
        outcome = await db.run(ForgetCommands(keep_days=KEEP_DAYS, most=MOST), cell)
        total += outcome.commands
        if outcome.commands < MOST:
            return total
