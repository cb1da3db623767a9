"""Making and changing places."""

from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command, Db
from service.locations.reads import remember_cell
from service.locations.rules import effective_safety_stock
from service.locations.types import Closure, Location, OpeningHours, Pickup
from service.locations.types import PutLocation as Body


class PutLocationOutcome(msgspec.Struct, frozen=True):
    """What happened to the place; `cell` is the one it has."""

    code: Literal[
        "created",
        "updated",
        "unchanged",
        "cell_is_fixed",
        "precondition_failed",
        "idempotency_key_reused",
    ]
    version: int = 0
    cell: int = 0
    replayed: bool = False


class PutLocation(Command[PutLocationOutcome], frozen=True, kw_only=True):
    """The whole of a place as it shall be."""

    function: ClassVar[str] = "locations.put_location"
    outcome: ClassVar[type[Any]] = PutLocationOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    location: str
    cell: int | None
    expected_version: int | None
    name: str
    kind: str
    state: str
    country: str | None
    region: str | None
    time_zone: str
    latitude: float | None
    longitude: float | None
    gln: str | None
    opening_hours: OpeningHours
    closures: tuple[Closure, ...]
    pickup: Pickup
    safety_stock: int


async def put_location(
    db: Db,
    location: Location,
    given_cell: int | None,
    expected_version: int | None,
    header: dict[str, Any],
) -> PutLocationOutcome:
    """Make or change a place; `location` is whole (`whole_location`), `header` says who asks."""
    fields = {name: getattr(location, name) for name in Body.__struct_fields__ if name != "cell"}
    command = PutLocation(
        location=location.location,
        cell=given_cell,
        expected_version=expected_version,
        **fields,
        **header,
    )
    outcome = await db.run(command, location.cell or 1)
    if outcome.code in ("created", "updated", "unchanged"):
        remember_cell(db, location.location, outcome.cell)
    return outcome


def whole_location(code: str, body: Body, cell: int) -> Location:
    """The place that a body describes, with what it left out filled in, as GET gives it."""
    fields = {name: getattr(body, name) for name in Body.__struct_fields__}
    fields |= {"cell": cell, "safety_stock": effective_safety_stock(body)}
    return Location(location=code, **fields)
