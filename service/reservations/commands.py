"""What can be done with a reservation: each a Struct, a SQL function, and one short function."""

from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

from service.db import Command, Db
from service.reservations.types import Alternative, HeldLine, State


class ShortLine(msgspec.Struct, frozen=True):
    """A line that stopped a hold: what was asked, what is there (absent where nothing is)."""

    sku: str
    code: str
    requested: int
    location: str
    available: int | None = None


class HoldOutcome(msgspec.Struct, frozen=True):
    """What place_hold decided; `alternatives` where they were stored before the reply."""

    code: Literal[
        "placed",
        "insufficient_stock",
        "uncertain_stock",
        "location_closed",
        "unknown_location",
        "unknown_sku",
        "too_many_open_holds",
        "idempotency_key_reused",
    ]
    replayed: bool = False
    reservation_id: str | None = None
    expires_at: datetime | None = None
    short: list[ShortLine] = []
    alternatives: list[Alternative] | None = None


class AskLine(msgspec.Struct, frozen=True):
    """A merged line on its way to the database."""

    location: str
    sku: str
    quantity: int


class PlaceHold(Command[HoldOutcome], frozen=True, kw_only=True):
    """Hold all lines or none. `client_max` and `customer_max` bound the open holds."""

    function: ClassVar[str] = "reservations.place_hold"
    outcome: ClassVar[type[Any]] = HoldOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    reservation_id: str
    ttl_seconds: int
    channel: str | None
    customer: str | None
    client_max: int
    customer_max: int
    lines: list[AskLine]


class ToldReservation(msgspec.Struct, frozen=True):
    """A reservation as the database tells it."""

    reservation_id: str
    state: State
    expires_at: datetime
    channel: str | None
    customer: str | None
    extended: bool
    lines: list[HeldLine]


class ChangeOutcome(msgspec.Struct, frozen=True):
    """What a change of a reservation led to; `reservation` is its state afterwards."""

    code: Literal[
        "released",
        "extended",
        "resized",
        "not_found",
        "wrong_state",
        "reservation_expired",
        "already_extended",
        "insufficient_stock",
        "uncertain_stock",
        "location_closed",
        "unknown_sku",
        "idempotency_key_reused",
    ]
    replayed: bool = False
    reservation: ToldReservation | None = None
    short: list[ShortLine] = []


class ReleaseReservation(Command[ChangeOutcome], frozen=True, kw_only=True):
    """Give the goods free again; a second time changes nothing."""

    function: ClassVar[str] = "reservations.release_reservation"
    outcome: ClassVar[type[Any]] = ChangeOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    reservation_id: str
    locations: list[str] | None


class ExtendReservation(Command[ChangeOutcome], frozen=True, kw_only=True):
    """Add the reservation's own ttl to its end, once."""

    function: ClassVar[str] = "reservations.extend_reservation"
    outcome: ClassVar[type[Any]] = ChangeOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    reservation_id: str
    locations: list[str] | None


class ResizeReservation(Command[ChangeOutcome], frozen=True, kw_only=True):
    """Replace the lines of a reservation at one place, all or none."""

    function: ClassVar[str] = "reservations.resize_reservation"
    outcome: ClassVar[type[Any]] = ChangeOutcome
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    reservation_id: str
    locations: list[str] | None
    lines: list["SizedLine"]


class SizedLine(msgspec.Struct, frozen=True):
    """A merged line of the new set."""

    sku: str
    quantity: int


class AlternativesOutcome(msgspec.Struct, frozen=True):
    """Where else all lines can be had now, nearest first."""

    code: Literal["suggested"]
    alternatives: list[Alternative]


class SuggestPlaces(Command[AlternativesOutcome], frozen=True, kw_only=True):
    """Find alternatives for a refused hold and store them with the refusal."""

    function: ClassVar[str] = "reservations.suggest_places"
    outcome: ClassVar[type[Any]] = AlternativesOutcome
    client_id: int
    key: str
    lines: list[AskLine]
    locations: list[str] | None


class ExpiryOutcome(msgspec.Struct, frozen=True):
    """How many reservations a sweep ended."""

    code: Literal["expired"]
    reservations: int


class ExpireReservations(Command[ExpiryOutcome], frozen=True, kw_only=True):
    """End reservations whose time is over, `most` at a time; what is locked is left."""

    function: ClassVar[str] = "reservations.expire_reservations"
    outcome: ClassVar[type[Any]] = ExpiryOutcome
    most: int


async def place_hold(db: Db, hold: PlaceHold, cell: int, covered: list[str] | None) -> HoldOutcome:
    """Place a hold; a new refusal for want of stock comes with alternatives.

    `covered` is the token's list of locations: no other place is suggested.
    """
    outcome = await db.run(hold, cell)
    if outcome.code != "insufficient_stock" or outcome.replayed:
        return outcome
    asked = SuggestPlaces(
        client_id=hold.client_id, key=hold.key, lines=hold.lines, locations=covered
    )
    found = await db.run(asked, cell)
    return msgspec.structs.replace(outcome, alternatives=found.alternatives)


async def change(
    db: Db, command: ReleaseReservation | ExtendReservation | ResizeReservation, cell: int
) -> ChangeOutcome:
    """Release, extend or resize."""
    return await db.run(command, cell)


async def expire(db: Db, cell: int, most: int = 500) -> int:
    """End what is due, until nothing is; gives the number of reservations ended."""
    total = 0
    while True:
        outcome = await db.run(ExpireReservations(most=most), cell)
        total += outcome.reservations
        if outcome.reservations < most:
            return total
