"""Pure decisions about reservations: how lines merge, and how a hold is told."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from service.reservations.types import (
    AskedLine,
    AskedPart,
    HeldLine,
    Line,
    Part,
    PlaceReservation,
    Reservation,
    State,
)


def asked_parts(body: PlaceReservation) -> list[AskedPart] | None:
    """The parts of a request; None where it names neither or both of its two forms."""
    if isinstance(body.parts, UnsetType):
        if isinstance(body.location, UnsetType) or isinstance(body.lines, UnsetType):
            return None
        return [AskedPart(body.location, body.lines)]
    if not isinstance(body.location, UnsetType) or not isinstance(body.lines, UnsetType):
        return None
    return body.parts


def merge_lines(parts: list[AskedPart]) -> list[HeldLine]:
    """One line for each (location, sku), in order of first mention.

    Two lines of one item that are checked one by one would each pass (Medusa #16502).
    """
    sums: dict[tuple[str, str], int] = {}
    for part in parts:
        for line in part.lines:
            key = (part.location, line.sku)
            sums[key] = sums.get(key, 0) + line.quantity
    return [
        HeldLine(location, sku, quantity, number)
        for number, ((location, sku), quantity) in enumerate(sums.items(), start=1)
    ]


def pointers(
    body: PlaceReservation | None, lines: list[AskedLine] | None
) -> dict[tuple[str, str], str]:
    """The JSON pointer of the first line of each (location, sku), to tell what fell short."""
    found: dict[tuple[str, str], str] = {}
    if body is None or isinstance(body.parts, UnsetType):
        location = body.location if body is not None and isinstance(body.location, str) else ""
        asked = body.lines if body is not None and isinstance(body.lines, list) else lines or []
        for number, line in enumerate(asked):
            found.setdefault((location, line.sku), f"/lines/{number}")
        return found
    for index, part in enumerate(body.parts):
        for number, line in enumerate(part.lines):
            found.setdefault((part.location, line.sku), f"/parts/{index}/lines/{number}")
    return found


def tell(
    identifier: str,
    state: State,
    lines: list[HeldLine],
    expires_at: datetime,
    *,
    channel: str | None,
    customer: str | None,
    extended: bool = False,
) -> Reservation:
    """A reservation as the contract shows it."""
    places = list(dict.fromkeys(line.location for line in lines))
    return Reservation(
        id=identifier,
        state=state,
        location=places[0] if len(places) == 1 else None,
        lines=[Line(line.sku, line.quantity) for line in lines],
        expires_at=expires_at,
        channel=channel,
        customer=customer,
        extended=extended,
        parts=UNSET
        if len(places) == 1
        else [
            Part(place, [Line(x.sku, x.quantity) for x in lines if x.location == place])
            for place in places
        ],
    )
