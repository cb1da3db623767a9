"""Pure decisions of availability: reading a point, and telling a place."""

import math
from datetime import UTC, datetime
from typing import NamedTuple

from service.availability.types import Level, PickupTold, PlaceAvailability
from service.locations.rules import Calendar
from service.locations.types import Pickup

_PARTS = 2


class Known(NamedTuple):
    """What is kept of a place under its version: it changes when the place is put."""

    version: int
    location: str
    name: str
    kind: str
    state: str
    calendar: Calendar
    pickup: Pickup


def read_point(text: str) -> tuple[float, float] | None:
    """`latitude,longitude` in degrees; None where it is no point on earth."""
    parts = text.split(",")
    if len(parts) != _PARTS:
        return None
    try:
        latitude, longitude = (float(part) for part in parts)
    except ValueError:
        return None
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:  # noqa: PLR2004 - degrees
        return None
    return latitude, longitude


def tell_place(
    known: Known,
    now: datetime,
    *,
    distance: float | None,
    level: Level,
    available: int,
    confidence: float,
    changed_at: datetime,
) -> PlaceAvailability:
    """One place as the contract shows it."""
    pickup = known.pickup.enabled and known.state == "open"
    return PlaceAvailability(
        location=known.location,
        name=known.name,
        kind=known.kind,
        distance_km=None if distance is None else round(distance, 1),
        level=level,
        available=available,
        confidence=confidence,
        updated_at=changed_at.astimezone(UTC),
        open_now=known.state != "closed" and known.calendar.is_open(now),
        pickup=PickupTold(
            enabled=pickup,
            ready_from=known.calendar.ready_from(known.pickup, now) if pickup else None,
        ),
    )


def without_ready_from(places: list[PlaceAvailability]) -> list[tuple[object, ...]]:
    """What the ETag is made of: all but `ready_from`, which moves with the clock."""
    return [
        (
            place.location,
            place.name,
            place.distance_km,
            place.level,
            place.available,
            place.confidence,
            place.updated_at,
            place.open_now,
            place.pickup.enabled,
        )
        for place in places
    ]
