"""Reservations over HTTP (contract §6)."""

from typing import Any

from service.locations.reads import cells_of_locations
from service.outcomes import REFUSALS
from service.reservations import commands, reads, rules
from service.reservations.types import (
    AskedLine,
    NewLines,
    Nothing,
    PlaceReservation,
    Reservation,
)
from service.web.problems import FieldProblem, Problem
from service.web.reply import Response
from service.web.route import Call, cell_of, endpoint, new_id, reply, tagged

SCOPES = ("reservations:write",)
REPLAYED = {"Idempotent-Replayed": "true"}


@endpoint(
    "POST",
    "/v1/reservations",
    summary="Hold goods for a customer",
    scopes=SCOPES,
    takes=PlaceReservation,
    gives=Reservation,
    statuses=(201,),
    keyed=True,
    refuses=(
        "insufficient_stock",
        "uncertain_stock",
        "location_closed",
        "unknown_location",
        "unknown_sku",
        "too_many_open_holds",
        "idempotency_key_reused",
        "cross_cell",
    ),
    tag="reservations",
)
async def place_reservation(call: Call[PlaceReservation]) -> Response:
    """Holds all lines at the chosen place, or none. Lines of one item are summed first.

    A hold stops counting at `expires_at`, by the database's clock, whether or not a job runs.
    """
    body = call.decode(PlaceReservation)
    parts = rules.asked_parts(body)
    if parts is None:
        field = FieldProblem("/", "invalid", "Give `location` and `lines`, or `parts`")
        raise Problem("invalid_request", field.detail, errors=[field])
    for part in parts:
        call.must_cover(part.location)
    cells = await cells_of_locations(call.state.db, [part.location for part in parts])
    if len(cells) > 1:
        raise Problem("cross_cell")
    cell = next(iter(cells), 1)
    lines = rules.merge_lines(parts)
    settings = call.state.settings
    hold = commands.PlaceHold(
        **call.header_of_command(),
        reservation_id=new_id(cell),
        ttl_seconds=body.ttl_seconds or settings.hold_ttl_seconds,
        channel=body.channel,
        customer=body.customer,
        client_max=settings.holds_per_client,
        customer_max=settings.holds_per_customer,
        lines=[commands.AskLine(line.location, line.sku, line.quantity) for line in lines],
    )
    covered = None if call.client.locations is None else sorted(call.client.locations)
    outcome = await commands.place_hold(call.state.db, hold, cell, covered)
    headers = dict(REPLAYED) if outcome.replayed else {}
    if outcome.code != "placed" or outcome.reservation_id is None or outcome.expires_at is None:
        raise refusal(outcome, rules.pointers(body, None), headers)
    told = rules.tell(
        outcome.reservation_id,
        "held",
        lines,
        outcome.expires_at,
        channel=body.channel,
        customer=body.customer,
    )
    headers["Location"] = f"/v1/reservations/{told.id}"
    return reply(told, 201, headers)


@endpoint(
    "GET",
    "/v1/reservations/{reservation_id:str}",
    summary="One reservation",
    scopes=SCOPES,
    gives=Reservation,
    shed="read",
    etag=True,
    refuses=("not_found",),
    tag="reservations",
)
async def get_reservation(call: Call[Any]) -> Response:
    """A reservation as it stands now; one whose time is over is `expired` at once."""
    cell = await _cell(call)
    found = await reads.reservation_by_id(call.state.db, cell, call.path("reservation_id"))
    if found is None or not all(call.client.covers(line.location) for line in found.lines):
        raise Problem("not_found")
    return tagged(call, _told(found))


@endpoint(
    "POST",
    "/v1/reservations/{reservation_id:str}/extend",
    summary="Extend a reservation, once",
    scopes=SCOPES,
    takes=Nothing,
    body_optional=True,
    gives=Reservation,
    keyed=True,
    refuses=(
        "not_found",
        "reservation_expired",
        "already_extended",
        "wrong_state",
        "idempotency_key_reused",
    ),
    tag="reservations",
)
async def extend_reservation(call: Call[Nothing]) -> Response:
    """Adds the reservation's own `ttl_seconds` to its end."""
    _no_details(call)
    return await _change(call, commands.ExtendReservation(**_header(call)))


@endpoint(
    "POST",
    "/v1/reservations/{reservation_id:str}/release",
    summary="Give the goods free again",
    scopes=SCOPES,
    takes=Nothing,
    body_optional=True,
    gives=Reservation,
    keyed=True,
    refuses=("not_found", "wrong_state", "idempotency_key_reused"),
    tag="reservations",
)
async def release_reservation(call: Call[Nothing]) -> Response:
    """Releases all lines; a second release, or one after the end, changes nothing."""
    _no_details(call)
    return await _change(call, commands.ReleaseReservation(**_header(call)))


@endpoint(
    "PUT",
    "/v1/reservations/{reservation_id:str}/lines",
    summary="Change the lines, up or down",
    scopes=SCOPES,
    takes=NewLines,
    gives=Reservation,
    refuses=(
        "not_found",
        "reservation_expired",
        "wrong_state",
        "insufficient_stock",
        "uncertain_stock",
        "location_closed",
        "unknown_sku",
    ),
    tag="reservations",
)
async def resize_reservation(call: Call[NewLines]) -> Response:
    """The whole new set, all or none; what the reservation holds already counts for it."""
    lines = call.decode(NewLines).lines
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.sku] = sums.get(line.sku, 0) + line.quantity
    sized = [commands.SizedLine(sku, quantity) for sku, quantity in sums.items()]
    command = commands.ResizeReservation(**_header(call), lines=sized)
    return await _change(call, command, lines)


async def _change(
    call: Call[Any],
    command: commands.ReleaseReservation | commands.ExtendReservation | commands.ResizeReservation,
    lines: list[AskedLine] | None = None,
) -> Response:
    outcome = await commands.change(call.state.db, command, await _cell(call))
    headers = dict(REPLAYED) if outcome.replayed else {}
    if outcome.reservation is None or outcome.code in REFUSALS:
        where = rules.pointers(None, lines)
        raise refusal(outcome, where, headers)
    return reply(_told(outcome.reservation), 200, headers)


def _header(call: Call[Any]) -> dict[str, Any]:
    """The fields that every change of a reservation has."""
    locations = None if call.client.locations is None else sorted(call.client.locations)
    return {
        **call.header_of_command(),
        "reservation_id": call.path("reservation_id"),
        "locations": locations,
    }


def _no_details(call: Call[Nothing]) -> None:
    """An action without details takes `{}`, or nothing at all."""
    if call.body.strip():
        call.decode(Nothing)


async def _cell(call: Call[Any]) -> int:
    """The cell in the id; an id that is none of ours is not found."""
    cell = cell_of(call.path("reservation_id"))
    if cell is None or not await call.state.cells.knows(call.state.db, cell):
        raise Problem("not_found")
    return cell


def _told(found: commands.ToldReservation) -> Reservation:
    return rules.tell(
        found.reservation_id,
        found.state,
        found.lines,
        found.expires_at,
        channel=found.channel,
        customer=found.customer,
        extended=found.extended,
    )


def refusal(
    outcome: commands.HoldOutcome | commands.ChangeOutcome,
    where: dict[tuple[str, str], str],
    headers: dict[str, str],
) -> Problem:
    """A refused hold as the client is told: which lines fell short, and where else to go."""
    errors = [
        FieldProblem(
            pointer=where.get((line.location, line.sku)) or where.get(("", line.sku)) or "/lines",
            code=line.code,
            sku=line.sku,
            location=line.location,
            requested=line.requested,
            available=line.available,
        )
        for line in outcome.short
    ]
    extra: dict[str, Any] = {}
    if isinstance(outcome, commands.HoldOutcome) and outcome.alternatives is not None:
        extra["alternatives"] = outcome.alternatives
    detail = None
    if isinstance(outcome, commands.ChangeOutcome) and outcome.reservation is not None:
        detail = f"The reservation is {outcome.reservation.state}."
    return Problem(outcome.code, detail, errors=errors or None, headers=headers, extra=extra)


ROUTES = (
    place_reservation,
    get_reservation,
    extend_reservation,
    release_reservation,
    resize_reservation,
)
