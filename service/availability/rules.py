"""Pure decisions of availability: reading a point, and telling a place."""

import re
from datetime import datetime

from service.availability.types import PickupTold, PlaceAvailability, PlaceRow
from service.locations.rules import Calendar
from service.locations.types import Pickup

_POINT = re.compile(r"(-?[0-9]{1,3}(?:\.[0-9]{1,20})?),(-?[0-9]{1,3}(?:\.[0-9]{1,20})?)")
NO_PICKUP_TOLD = PickupTold(enabled=False, ready_from=None)


class Known:
    """What is kept of a place under its version, and what its hours say in the present second."""

    __slots__ = (
        "_calendar",
        "_pickup",
        "_second",
        "_told",
        "kind",
        "location",
        "name",
        "state",
        "version",
    )

    def __init__(
        self,
        version: int,
        location: str,
        name: str,
        kind: str,
        state: str,
        calendar: Calendar,
        pickup: Pickup,
    ) -> None:
        """A place as the database tells it at `version`."""
        self.version = version
        self.location = location
        self.name = name
        self.kind = kind
        self.state = state
        self._calendar = calendar
        self._pickup = pickup
        self._second = -1
        self._told = (False, NO_PICKUP_TOLD)

    def hours_at(self, now: datetime) -> tuple[bool, PickupTold]:
        """Whether it is open, and from when an order placed now could be collected.

        Asked for every place of every reply, so the answer of a second is worked out once.
        """
        second = int(now.timestamp())
        if second != self._second:
            pickup = self._pickup.enabled and self.state == "open"
            self._told = (
                self.state != "closed" and self._calendar.is_open(now),
                PickupTold(enabled=True, ready_from=self._calendar.ready_from(self._pickup, now))
                if pickup
                else NO_PICKUP_TOLD,
            )
            self._second = second
        return self._told


def read_point(text: str) -> tuple[float, float] | None:
    """`latitude,longitude` in degrees; None where it is no point on earth."""
    found = _POINT.fullmatch(text)  # float() alone takes 1_0, +1, 1e1 and other alphabets' digits
    if found is None:
        return None
    latitude, longitude = float(found[1]), float(found[2])
    if abs(latitude) > 90 or abs(longitude) > 180:  # noqa: PLR2004 - degrees
        return None
    return latitude, longitude


def tell_places(rows: list[PlaceRow], known: list[Known], now: datetime) -> list[PlaceAvailability]:
    """The places as the contract shows them."""
    told = []
    for row, place in zip(rows, known, strict=True):
        open_now, pickup = place.hours_at(now)
        told.append(
            PlaceAvailability(
                place.location,
                place.name,
                place.kind,
                None if row.distance is None else round(row.distance, 1),
                row.level,
                row.available,
                row.confidence,
                row.changed_at,
                open_now,
                pickup,
            )
        )
    return told


def tagged_part(rows: list[PlaceRow], told: list[PlaceAvailability]) -> object:
    """What the ETag is made of: all but `ready_from`, which moves with the clock."""
    return rows, [(place.open_now, place.pickup.enabled) for place in told]
