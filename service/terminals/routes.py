"""Routes of tills (contract §5)."""

import datetime as dt
from typing import Any

import msgspec

from service.locations.reads import cell_of_location
from service.locations.types import LocationCode
from service.terminals.commands import PutTerminal as PutTerminalCommand
from service.terminals.commands import RecordClosing, RecordHeartbeat
from service.terminals.reads import (
    cells_of_terminals,
    places_after,
    terminal_by_code,
    terminals_after,
)
from service.terminals.types import (
    Closed,
    Heartbeat,
    PutClosing,
    PutTerminal,
    Reconciliation,
    Terminal,
    TerminalCode,
    TerminalPage,
)
from service.web.paging import PageQuery, make_cursor, page_of, read_cursor
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, reply, tagged

_READS = ("pos:write", "stock:read", "stock:write", "locations:write")
_UNKNOWN = (
    "There is no such terminal here. Register it with PUT /v1/pos/terminals/{terminal}"
    " (scope locations:write), or use a token of its location, then send it again."
)


@endpoint(
    "PUT",
    "/v1/pos/terminals/{terminal:str}",
    summary="Register or change a till",
    scopes=("locations:write",),
    takes=PutTerminal,
    gives=Terminal,
    statuses=(200, 201),
    refuses=("unknown_location", "invalid_path"),
    tag="pos",
)
async def put_terminal(call: Call[Any]) -> Response:
    """Where a till stands.

    Replaced by another machine it gets a higher `epoch`, and with it a new count of receipts;
    without `epoch` its newest life is meant. `first_sequence` is the first number it will send;
    left out, the first that comes starts the count. `in_service` false takes it away for good.
    """
    terminal = _terminal_code(call)
    body = call.decode(PutTerminal)
    call.must_cover(body.location)
    db = call.state.db
    known = await terminal_by_code(db, terminal, None)
    if known is not None:
        call.must_cover(known.location)
    cell = await cell_of_location(db, body.location)
    if cell is None:
        raise Problem("unknown_location", "There is no such location.")
    outcome = await db.run(
        PutTerminalCommand(
            terminal=terminal,
            epoch=body.epoch,
            location=body.location,
            name=body.name,
            first_sequence=body.first_sequence,
            in_service=body.in_service,
            **call.header_of_command(),
        ),
        cell,
    )
    if outcome.code not in ("created", "updated", "unchanged"):
        raise Problem(outcome.code)
    status = 201 if outcome.code == "created" else 200
    path = f"/v1/pos/terminals/{terminal}"
    return reply(await terminal_by_code(db, terminal, None), status, {"Location": path})


@endpoint(
    "POST",
    "/v1/pos/terminals/{terminal:str}/heartbeats",
    summary="A till says that it is there",
    scopes=("pos:write",),
    takes=Heartbeat,
    gives=Terminal,
    refuses=("not_found", "invalid_path"),
    shed="till",
    tag="pos",
)
async def record_heartbeat(call: Call[Any]) -> Response:
    """What its clock shows and which number it gave last; the reply says what is missing here.

    Once a minute is enough; a till that says nothing for 10 minutes of opening time is `stale`. By
    how much its clock differs is measured here, and its receipts' times are put right by that.
    Numbers up to `last_sequence` that do not come within a minute are a gap.
    """
    terminal = _terminal_code(call)
    body = call.decode(Heartbeat)
    cell = await _cell(call, terminal)
    outcome = await call.state.db.run(
        RecordHeartbeat(
            terminal=terminal,
            sent_at=body.sent_at,
            last_sequence=body.last_sequence,
            locations=_listed(call),
        ),
        cell,
    )
    if outcome.terminal is None:
        raise Problem("not_found", _UNKNOWN)
    return reply(outcome.terminal)


@endpoint(
    "POST",
    "/v1/pos/terminals/{terminal:str}/closings",
    summary="A till closes its day (Z-count)",
    scopes=("pos:write",),
    takes=PutClosing,
    gives=Closed,
    refuses=("not_found", "in_the_future", "invalid_path"),
    shed="till",
    tag="pos",
)
async def record_closing(call: Call[Any]) -> Response:
    """How many receipts it made that day, and the last number it gave.

    Counted against what came since its closing before, or, with the first, against what came of
    that day by the place's calendar. The same again changes nothing; another count of the same day
    replaces it, and the reply says what it `replaced`.
    """
    terminal = _terminal_code(call)
    body = call.decode(PutClosing)
    cell = await _cell(call, terminal)
    outcome = await call.state.db.run(
        RecordClosing(
            client_id=call.client.client_id,
            terminal=terminal,
            business_date=body.business_date,
            receipts=body.receipts,
            last_sequence=body.last_sequence,
            locations=_listed(call),
        ),
        cell,
    )
    if outcome.code == "in_the_future":
        raise Problem("in_the_future", "/business_date: It is later than tomorrow there.")
    if outcome.terminal is None:
        raise Problem("not_found", _UNKNOWN)
    fields = msgspec.structs.asdict(outcome.terminal)
    return reply(Closed(**fields, replaced=outcome.replaced))


@endpoint(
    "GET",
    "/v1/pos/terminals/{terminal:str}",
    summary="One till",
    scopes=_READS,
    gives=Terminal,
    refuses=("not_found",),
    shed="read",
    etag=True,
    tag="pos",
)
async def get_terminal(call: Call[Any]) -> Response:
    """A till in its newest life: its state, how far it has come, and what is missing."""
    found = await terminal_by_code(call.state.db, _terminal_code(call), call.client.locations)
    if found is None:
        raise Problem("not_found", "There is no such terminal here.")
    return tagged(call, found)


@endpoint(
    "GET",
    "/v1/pos/terminals",
    summary="Tills",
    scopes=_READS,
    query=PageQuery,
    gives=TerminalPage,
    refuses=("invalid_cursor",),
    shed="read",
    tag="pos",
)
async def list_terminals(call: Call[Any]) -> Response:
    """Tills by code; a token with a list of locations sees those of its list."""
    query = call.query(PageQuery)
    (after,) = read_cursor(query.cursor, str) or ("",)
    found = await terminals_after(call.state.db, after, call.client.locations, query.limit + 1)
    items = found[: query.limit]
    more = len(found) > query.limit
    return page_of(call, items, make_cursor(items[-1].terminal) if more else None)


class ReconciliationQuery(PageQuery, frozen=True, kw_only=True):
    """Of which place (left out: all that have tills), and of which day of its calendar (today)."""

    location: LocationCode | None = None
    date: dt.date | None = None


@endpoint(
    "GET",
    "/v1/pos/reconciliation",
    summary="What tills and places leave open on a day",
    scopes=(*_READS, "insights:read"),
    query=ReconciliationQuery,
    gives=Reconciliation,
    refuses=("invalid_cursor", "forbidden_location"),
    shed="read",
    tag="pos",
)
async def get_reconciliation(call: Call[Any]) -> Response:
    """By place and till: states, gaps, Z-counts beside what came, barcodes that nobody knows.

    And what review holds, conflicts, lag, and how far the book was off where it was counted last.
    """
    query = call.query(ReconciliationQuery)
    if query.location is not None:
        call.must_cover(query.location)
    (after,) = read_cursor(query.cursor, str) or ("",)
    found = await places_after(
        call.state.db,
        after,
        call.client.locations,
        query.limit + 1,
        day=query.date,
        location=query.location,
    )
    items = found[: query.limit]
    more = len(found) > query.limit
    return page_of(call, items, make_cursor(items[-1].location) if more else None)


async def _cell(call: Call[Any], terminal: str) -> int:
    """Where the till is decided."""
    cells = await cells_of_terminals(call.state.db, [terminal])
    if terminal not in cells:
        raise Problem("not_found", _UNKNOWN)
    return cells[terminal]


def _listed(call: Call[Any]) -> list[str] | None:
    covered = call.client.locations
    return None if covered is None else sorted(covered)


def _terminal_code(call: Call[Any]) -> str:
    """The terminal in the path, well formed."""
    try:
        return msgspec.convert(call.path("terminal"), TerminalCode)
    except msgspec.ValidationError as error:
        raise Problem("invalid_path", "That is no terminal's code.") from error


ROUTES = (
    put_terminal,
    record_heartbeat,
    record_closing,
    get_terminal,
    list_terminals,
    get_reconciliation,
)
