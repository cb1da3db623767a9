"""Routes of stock (contract §3)."""

from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from service.catalog.rules import sku_problem
from service.locations.reads import cell_of_location
from service.stock.commands import (
    CountedOutcome,
    CountLevel,
    RecordMovements,
    SafetyOutcome,
    SetSafetyStock,
)
from service.stock.reads import Place, explanation, ledger_before, level_at, level_now
from service.stock.rules import (
    Refused,
    explanation_of,
    holds_card_number,
    level_of,
    posting,
    read_moment,
    refusal,
    told,
)
from service.stock.types import (
    MOVEMENTS_MAX,
    CountLine,
    Envelope,
    Explanation,
    LedgerPage,
    Level,
    Movement,
    MovementResults,
    Movements,
    Posting,
    SafetyStock,
)
from service.web.body import decode
from service.web.conditions import expected_version
from service.web.paging import PageQuery, make_cursor, page_of, read_cursor
from service.web.problems import FieldProblem, Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, etag_of, new_id, reply, tagged

T = TypeVar("T")
READS = ("stock:read", "stock:write")
REPLAYED = {"Idempotent-Replayed": "true"}


@endpoint(
    "POST",
    "/v1/stock/movements",
    summary="Record movements of goods",
    scopes=("stock:write",),
    takes=Movements,
    gives=MovementResults,
    keyed=True,
    size="batch",
    refuses=("batch_too_large", "idempotency_key_reused"),
    tag="stock",
)
async def record_movements(call: Call[Any]) -> Response:
    """Goods that came in, went out or changed condition; every entry is decided by itself.

    A refused entry says why, and the others are posted. Nothing goes below zero: what leaves an
    account must be there. All entries of a request concern locations of one cell.
    """
    entries = call.decode(Envelope).movements
    if len(entries) > MOVEMENTS_MAX:
        raise Problem("batch_too_large", f"At most {MOVEMENTS_MAX} entries.")
    cell, postings = await _postings(call, entries)
    outcome = await call.state.db.run(
        RecordMovements(movements=postings, **call.header_of_command()), cell
    )
    if outcome.code != "recorded":
        raise Problem(outcome.code)
    results = [told(index, result) for index, result in enumerate(outcome.results)]
    return reply(MovementResults(results), headers=REPLAYED if outcome.replayed else None)


async def _postings(call: Call[Any], entries: list[msgspec.Raw]) -> tuple[int, list[Posting]]:
    """Every entry as the database gets it, and the cell of the first place that there is."""
    cell: int | None = None
    postings = []
    for entry in entries:
        read = _read(call, entry)
        if isinstance(read, Refused):
            postings.append(_refused(read))
            continue
        place = await cell_of_location(call.state.db, read.location)
        cell = cell or place
        if place is not None and place != cell:
            postings.append(_refused(Refused("cross_cell")))
        else:
            postings.append(posting(read, new_id(cell or 1)))
    return cell or 1, postings


def _read(call: Call[Any], entry: msgspec.Raw) -> Movement | Refused:
    """One entry decoded and judged by its own words."""
    try:
        movement = decode(Movement, entry)
    except Problem as problem:
        return Refused(problem.code, problem.detail)
    if not call.client.covers(movement.location):
        return Refused("forbidden_location", "The token's list of locations does not have it.")
    return refusal(movement) or movement


def _refused(refused: Refused) -> Posting:
    return Posting(problem=refused.code, detail=refused.detail)


class LevelQuery(msgspec.Struct, frozen=True):
    """`at`: by when it occurred, as known now. `known_at`: what was known then."""

    at: Annotated[str, Meta(max_length=40)] | None = None
    known_at: Annotated[str, Meta(max_length=40)] | None = None


@endpoint(
    "GET",
    "/v1/stock/{location:str}/{sku:str}",
    summary="Stock level",
    scopes=READS,
    query=LevelQuery,
    gives=Level,
    refuses=("not_found",),
    shed="read",
    etag=True,
    tag="stock",
)
async def get_level(call: Call[Any]) -> Response:
    """The balance of one item at one place: now, or as it was.

    An item that was never stocked at the place has zeros, sequence 0 and no time. Holds whose end
    has passed no longer count.
    """
    query = call.query(LevelQuery)
    at, known_at = _moment("at", query.at), _moment("known_at", query.known_at)
    place = await _place(call)
    if at is None and known_at is None:
        stored = await level_now(call.state.db, place)
    else:
        stored = await level_at(call.state.db, place, at, known_at)
    return tagged(call, level_of(_there(stored)))


@endpoint(
    "PUT",
    "/v1/stock/{location:str}/{sku:str}",
    summary="Count one item",
    scopes=("stock:write",),
    takes=CountLine,
    gives=Level,
    refuses=("not_found", "not_stock_tracked", "expected_quantity_mismatch", "precondition_failed"),
    etag=True,
    tag="stock",
)
async def count_level(call: Call[Any]) -> Response:
    """A one-line count: the book is set to what was counted, and the difference goes to shrink.

    It needs a reason, and what the book is expected to hold (or an explicit null). A count equal
    to the book moves nothing and is remembered; any count thaws a frozen item.
    """
    body = call.decode(CountLine)
    if holds_card_number(body.reason):
        raise Problem("card_number", errors=[FieldProblem("/reason", "card_number")])
    place = await _place(call)
    cell, location, sku = place
    outcome = await call.state.db.run(
        CountLevel(
            location=location,
            sku=sku,
            sellable=body.sellable,
            expected=body.expected,
            if_change=await _seen(call, place),
            document_id=new_id(cell),
            reason=body.reason,
            **call.header_of_command(),
        ),
        cell,
    )
    if outcome.code == "expected_quantity_mismatch":
        raise Problem(
            outcome.code, f"The book holds {outcome.actual}.", extra={"actual": outcome.actual}
        )
    return _changed(outcome)


@endpoint(
    "PUT",
    "/v1/stock/{location:str}/{sku:str}/safety-stock",
    summary="Set the safety stock of one item at one place",
    scopes=("stock:write",),
    takes=SafetyStock,
    gives=Level,
    refuses=("not_found", "not_stock_tracked", "precondition_failed"),
    etag=True,
    tag="stock",
)
async def set_safety_stock(call: Call[Any]) -> Response:
    """Units of an item that are never promised at this place.

    Null: what the item says, or else the place.
    """
    body = call.decode(SafetyStock)
    place = await _place(call)
    cell, location, sku = place
    command = SetSafetyStock(
        location=location,
        sku=sku,
        safety_stock=body.safety_stock,
        if_change=await _seen(call, place),
        **call.header_of_command(),
    )
    return _changed(await call.state.db.run(command, cell))


@endpoint(
    "GET",
    "/v1/stock/{location:str}/{sku:str}/movements",
    summary="Ledger of one item at one place",
    scopes=READS,
    query=PageQuery,
    gives=LedgerPage,
    refuses=("not_found", "invalid_cursor"),
    shed="read",
    tag="stock",
)
async def list_movements(call: Call[Any]) -> Response:
    """Every movement of goods, newest first. Nothing in it is ever changed or deleted."""
    query = call.query(PageQuery)
    (before,) = read_cursor(query.cursor, int) or (None,)
    place = await _place(call)
    found = _there(await ledger_before(call.state.db, place, before, query.limit + 1))
    items = found[: query.limit]
    more = len(found) > query.limit
    return page_of(call, items, make_cursor(items[-1].sequence) if more else None)


@endpoint(
    "GET",
    "/v1/stock/{location:str}/{sku:str}/explanation",
    summary="Why so much can be promised",
    scopes=READS,
    gives=Explanation,
    refuses=("not_found",),
    shed="read",
    etag=True,
    tag="stock",
)
async def explain_level(call: Call[Any]) -> Response:
    """The formula with each term, the open claims (at most 100), and the last ten movements."""
    place = await _place(call)
    return tagged(call, explanation_of(_there(await explanation(call.state.db, place))))


def _moment(name: str, text: str | None) -> datetime | None:
    found = None if text is None else read_moment(text)
    if text is not None and found is None:
        detail = "Expected a time with its offset, such as 2026-11-21T10:00:00Z"
        raise Problem("invalid_request", errors=[FieldProblem(f"?{name}", "invalid", detail)])
    return found


async def _place(call: Call[Any]) -> Place:
    """Cell, location and SKU of the path (404 where there is no such place)."""
    location, sku = call.path("location"), call.path("sku")
    plain = location.isascii() and location.isprintable() and sku_problem(sku) is None
    cell = await cell_of_location(call.state.db, location) if plain else None
    return _there(cell), location, sku


def _there(found: T | None) -> T:
    if found is None:
        raise Problem("not_found", "There is no such location or item.")
    return found


async def _seen(call: Call[Any], place: Place) -> int | None:
    """The change_count that the command shall find (If-Match), or None."""

    async def read() -> tuple[Level, int] | None:
        stored = await level_now(call.state.db, place)
        return None if stored is None else (level_of(stored), stored.change_count)

    return await expected_version(call, read)


def _changed(outcome: CountedOutcome | SafetyOutcome) -> Response:
    """The level after a change, or the refusal."""
    if outcome.level is None:
        raise Problem(outcome.code)
    response = reply(level_of(outcome.level))
    response.headers["ETag"] = etag_of(response.content)
    return response


ROUTES = (
    record_movements,
    get_level,
    count_level,
    set_safety_stock,
    list_movements,
    explain_level,
)
