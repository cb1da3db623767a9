"""Places over HTTP (contract §2)."""

from typing import Any

import msgspec

from service.locations.commands import put_location as put
from service.locations.commands import whole_location
from service.locations.reads import cell_of_location, location_by_code, locations_after
from service.locations.rules import code_problems, problems
from service.locations.types import Location, PutLocation
from service.web.conditions import expected_version
from service.web.paging import PageQuery, make_cursor, page_of, read_cursor
from service.web.problems import Problem, problem_of_fields
from service.web.reply import Response
from service.web.route import Call, endpoint, etag_of, reply, tagged

_READS = ("stock:read", "stock:write", "availability:read", "locations:write")


class LocationPage(msgspec.Struct, frozen=True):
    """A page of places."""

    items: list[Location]
    next_cursor: str | None


@endpoint(
    "PUT",
    "/v1/locations/{location:str}",
    summary="Make or change a place",
    scopes=("locations:write",),
    takes=PutLocation,
    gives=Location,
    statuses=(200, 201),
    refuses=(
        "invalid_value",
        "unknown_time_zone",
        "invalid_opening_hours",
        "bad_check_digit",
        "cell_is_fixed",
        "precondition_failed",
    ),
    etag=True,
    tag="places",
)
async def put_location(call: Call[Any]) -> Response:
    """The whole of it: what is left out takes its default. `cell` is set once, when it is made.

    `closing` still sells and hands over but takes no new holds. With `If-Match` it is changed
    only if it is still what was read.
    """
    code = call.path("location")
    body = call.decode(PutLocation)
    _refuse_problems(code, body)
    db = call.state.db
    cell = await cell_of_location(db, code) or body.cell or 1
    expected = await expected_version(call, lambda: location_by_code(db, code))
    location = whole_location(code, body, cell)
    outcome = await put(db, location, body.cell, expected, call.header_of_command())
    if outcome.code == "cell_is_fixed":
        raise Problem(outcome.code, f"{code} is in cell {outcome.cell}.")
    if outcome.code not in ("created", "updated", "unchanged"):
        raise Problem(outcome.code)
    status = 201 if outcome.code == "created" else 200
    response = reply(location, status, {"Location": f"/v1/locations/{code}"})
    response.headers["ETag"] = etag_of(response.content)
    return response


@endpoint(
    "GET",
    "/v1/locations/{location:str}",
    summary="One place",
    scopes=_READS,
    gives=Location,
    refuses=("not_found",),
    shed="read",
    etag=True,
    tag="places",
)
async def get_location(call: Call[Any]) -> Response:
    """A place with its hours, closures and pickup settings."""
    found = await location_by_code(call.state.db, call.path("location"))
    if found is None:
        raise Problem("not_found", "There is no such location.")
    return tagged(call, found[0])


@endpoint(
    "GET",
    "/v1/locations",
    summary="Places",
    scopes=_READS,
    query=PageQuery,
    gives=LocationPage,
    refuses=("invalid_cursor",),
    shed="read",
    tag="places",
)
async def list_locations(call: Call[Any]) -> Response:
    """Places by code; a token with a list of locations sees those of its list."""
    query = call.query(PageQuery)
    (after,) = read_cursor(query.cursor, str) or ("",)
    found = await locations_after(call.state.db, after, call.client.locations, query.limit + 1)
    items = found[: query.limit]
    more = len(found) > query.limit
    return page_of(call, items, make_cursor(items[-1].location) if more else None)


def _refuse_problems(code: str, body: PutLocation) -> None:
    """Refuse what the schema allows but cannot be right (422), all of it at once."""
    found = code_problems(code) + problems(body)
    if found:
        raise problem_of_fields(found)


ROUTES = (put_location, get_location, list_locations)
