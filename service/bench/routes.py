"""The endpoint that does nothing: what HTTP, the kit and JSON cost without a database."""

from datetime import UTC, datetime, timedelta

from service.reservations import rules
from service.reservations.types import PlaceReservation, Reservation
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, new_id, reply


@endpoint(
    "POST",
    "/v1/bench/noop",
    summary="Parse a hold, and answer like one",
    scopes=("reservations:write",),
    takes=PlaceReservation,
    gives=Reservation,
    statuses=(201,),
    keyed=True,
    tag="bench",
)
async def answer_noop(call: Call[PlaceReservation]) -> Response:
    """Token, key, body and reply of POST /v1/reservations, and nothing in between."""
    body = call.decode(PlaceReservation)
    parts = rules.asked_parts(body)
    if parts is None:
        raise Problem("invalid_request")
    for part in parts:
        call.must_cover(part.location)
    seconds = body.ttl_seconds or call.state.settings.hold_ttl_seconds
    told = rules.tell(
        new_id(1),
        "held",
        rules.merge_lines(parts),
        datetime.now(UTC) + timedelta(seconds=seconds),
        channel=body.channel,
        customer=body.customer,
    )
    return reply(told, 201, {"Location": f"/v1/reservations/{told.id}"})


ROUTES = (answer_noop,)
