"""Availability over HTTP (contract §4)."""

import asyncio
from typing import Any

from service.availability import reads, rules
from service.availability.types import (
    PAIRS_MAX,
    AsOf,
    Availability,
    AvailabilityQuery,
    BrowsedPage,
    BrowseQuery,
    PairsAsked,
    PairsTold,
)
from service.catalog.rules import search_words
from service.locations.reads import cell_of_location, cells_of_locations
from service.web.paging import make_cursor, page_of, read_cursor
from service.web.problems import FieldProblem, Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, reply, tagged

SCOPES = ("availability:read", "stock:read", "stock:write", "reservations:write")


@endpoint(
    "GET",
    "/v1/availability/{sku:str}",
    summary="Where an item can be had",
    scopes=SCOPES,
    query=AvailabilityQuery,
    gives=Availability,
    shed="read",
    etag=True,
    refuses=("not_found",),
    tag="availability",
)
async def get_availability(call: Call[Any]) -> Response:
    """Nearest first with `near`, else by name. Fresh: a committed change is in the next read.

    Same question, same state, same ETag; the ETag ignores `ready_from`, which moves with the clock.
    """
    asked = call.query(AvailabilityQuery)
    point = None
    if asked.near is not None:
        point = rules.read_point(asked.near)
        if point is None:
            field = FieldProblem("?near", "invalid", "Give latitude,longitude in degrees")
            raise Problem("invalid_request", "?near: " + str(field.detail), errors=[field])
    db = call.state.db
    locations = call.client.locations
    question = reads.ReadAvailability(
        sku=call.path("sku"),
        latitude=point[0] if point else None,
        longitude=point[1] if point else None,
        radius_km=asked.radius_km,
        most=asked.limit,
        everywhere=asked.include == "all",
        locations=None if locations is None else sorted(locations),
    )
    found = await _ask(call, question)
    if found.code == "unknown_sku":
        raise Problem("not_found", "There is no such item.")
    known = await call.state.places.of(db, found.places)
    now = reads.clock(db)
    places = rules.tell_places(found.places, known, now)
    told = Availability(question.sku, AsOf(found.sequence, found.at), places)
    return tagged(
        call, told, hashed=(told.sku, told.as_of, rules.tagged_part(found.places, places))
    )


async def _ask(call: Call[Any], question: reads.ReadAvailability) -> reads.Found:
    """Ask every cell that has places; with one cell that is one question."""
    cells = await call.state.cells.now(call.state.db)
    if len(cells) == 1:
        return await call.state.db.run(question, cells[0])  # type: ignore[no-any-return]
    answers = await asyncio.gather(*(call.state.db.run(question, cell) for cell in cells))
    return reads.join_cells(answers, question.most)


@endpoint(
    "POST",
    "/v1/availability/query",
    summary="Many items at many places",
    scopes=SCOPES,
    takes=PairsAsked,
    gives=PairsTold,
    shed="read",
    refuses=("batch_too_large", "forbidden_location"),
    tag="availability",
)
async def query_availability(call: Call[PairsAsked]) -> Response:
    """Every item at every place, 1,000 pairs at most; what is unknown is left out."""
    asked = call.decode(PairsAsked)
    if len(asked.skus) * len(asked.locations) > PAIRS_MAX:
        raise Problem("batch_too_large", "At most 1,000 pairs.")
    for location in asked.locations:
        call.must_cover(location)
    db = call.state.db
    cells = sorted(await cells_of_locations(db, asked.locations))
    question = reads.QueryPairs(skus=asked.skus, locations=asked.locations)
    answers = await asyncio.gather(*(db.run(question, cell) for cell in cells))
    return reply(PairsTold([item for answer in answers for item in answer.items]))


@endpoint(
    "GET",
    "/v1/locations/{location:str}/items",
    summary="Browse one place's stock",
    scopes=SCOPES,
    query=BrowseQuery,
    gives=BrowsedPage,
    shed="read",
    refuses=("not_found", "invalid_cursor"),
    tag="availability",
)
async def browse_location(call: Call[Any]) -> Response:
    """By SKU, paged; `query` finds words that begin like its words, or an exact SKU."""
    asked = call.query(BrowseQuery)
    location = call.path("location")
    cell = await cell_of_location(call.state.db, location)
    if cell is None:
        raise Problem("not_found", "There is no such location.")
    key = read_cursor(asked.cursor, str)
    words = search_words(asked.query) if asked.query else None
    items = await reads.items_of_location(
        call.state.db,
        cell,
        location,
        in_stock=asked.in_stock,
        category=asked.category,
        words=words,
        sku=asked.query,
        after=key[0] if key else None,
        limit=asked.limit + 1,
    )
    more = len(items) > asked.limit
    items = items[: asked.limit]
    cursor = make_cursor(items[-1].sku) if more else None
    return page_of(call, items, cursor)


ROUTES = (get_availability, query_availability, browse_location)
