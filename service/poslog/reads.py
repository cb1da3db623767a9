"""Looking up by whose clock terminals write."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import msgspec

from service.db import Db


class _Clock(msgspec.Struct, frozen=True):
    terminal: str
    time_zone: str


async def zones_of_terminals(db: Db, terminals: Iterable[str]) -> dict[str, ZoneInfo]:
    """The zone of each terminal's place; terminals that there are not are left out."""
    found = await db.many(_Clock, "poslog.zones_of_terminals", sorted(set(terminals)))
    return {clock.terminal: ZoneInfo(clock.time_zone) for clock in found}
