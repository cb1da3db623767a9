"""Routes of tills (contract §5)."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from service.locations.reads import cell_of_location
from service.locations.types import LocationCode
from service.pos.commands import PutTerminal as PutTerminalCommand
from service.pos.commands import ResolveException, asking_of, post_all
from service.pos.reads import (
    exception_by_id,
    exceptions_before,
    terminal_by_code,
    terminals_after,
)
from service.pos.rules import Refused, codes_of, mask, refusal, refused_result
from service.pos.types import (
    LINES_MAX,
    RECEIPTS_MAX,
    Envelope,
    ExceptionKind,
    ExceptionPage,
    Identity,
    PutTerminal,
    Receipt,
    Receipts,
    Resolve,
    Resolved,
    Result,
    Results,
    Terminal,
    TerminalCode,
    TerminalPage,
)
from service.web.body import decode
from service.web.paging import PageQuery, make_cursor, page_of, read_cursor
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, cell_of, endpoint, reply, tagged

REPLAYED = {"Idempotent-Replayed": "true"}
_READS = ("pos:write", "stock:read", "stock:write", "locations:write")


@endpoint(
    "POST",
    "/v1/pos/receipts",
    summary="Post receipts",
    scopes=("pos:write",),
    takes=Receipts,
    gives=Results,
    size="batch",
    shed="till",
    refuses=("batch_too_large",),
    tag="pos",
)
async def post_receipts(call: Call[Any]) -> Response:
    """One receipt or a night's worth, each decided by itself, in the order given.

    The natural key (terminal, epoch, sequence) makes sending again safe: `duplicate`, and nothing
    moves. Another receipt under a taken number is kept as a `conflict`. Stock never refuses a
    sale. What cannot be posted is kept with its reason (`GET /v1/pos/exceptions`).
    """
    envelope = call.decode(Envelope)
    asking = asking_of(call, backfill=envelope.backfill)
    if len(envelope.receipts) > RECEIPTS_MAX:
        raise Problem("batch_too_large", f"At most {RECEIPTS_MAX} receipts.")
    read = [_read(index, raw) for index, raw in enumerate(envelope.receipts)]
    receipts = [receipt for receipt in read if isinstance(receipt, Receipt)]
    if sum(len(receipt.lines) for receipt in receipts) > LINES_MAX:
        raise Problem("batch_too_large", f"At most {LINES_MAX} lines.")
    return reply(await post_all(asking, read))


def _read(index: int, raw: msgspec.Raw) -> Receipt | Result:
    """One receipt decoded and judged by its own words."""
    try:
        receipt = decode(Receipt, raw)
    except Problem as problem:
        why = Refused(problem.code, problem.detail or "")
        return refused_result(index, _identity(raw), why)
    why_not = refusal(receipt)
    return refused_result(index, receipt, why_not) if why_not else receipt


def _identity(raw: msgspec.Raw) -> Identity:
    try:
        return decode(Identity, raw)
    except Problem:
        return Identity()


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
    left out, the first that comes starts the count.
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
    """A till in its newest life, and how far it has come."""
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


class ExceptionQuery(PageQuery, frozen=True, kw_only=True):
    """Which exceptions to list."""

    kind: ExceptionKind | None = None
    state: Literal["open", "resolved"] | None = None
    location: LocationCode | None = None


@endpoint(
    "GET",
    "/v1/pos/exceptions",
    summary="What a person has to look at",
    scopes=("pos:write", "pos:backfill"),
    query=ExceptionQuery,
    gives=ExceptionPage,
    refuses=("invalid_cursor", "forbidden_location"),
    shed="read",
    tag="pos",
)
async def list_exceptions(call: Call[Any]) -> Response:
    """Newest first: receipts that were not posted, and lines that nobody knows, as they came.

    A token with a list of locations sees those of its list.
    """
    query = call.query(ExceptionQuery)
    if query.location is not None:
        call.must_cover(query.location)
    found = await exceptions_before(
        call.state.db,
        _position(query.cursor),
        (query.kind, query.state, query.location),
        call.client.locations,
        query.limit + 1,
    )
    items = found[: query.limit]
    if len(found) <= query.limit:
        return page_of(call, items, None)
    return page_of(call, items, make_cursor(items[-1].recorded_at.isoformat(), items[-1].id))


def _position(cursor: str | None) -> tuple[datetime, str] | None:
    """Where a page begins."""
    key = read_cursor(cursor, str, str)
    if key is None:
        return None
    try:
        at = datetime.fromisoformat(key[0])
    except ValueError as error:
        raise Problem("invalid_cursor") from error
    if at.tzinfo is None or cell_of(key[1]) is None:
        raise Problem("invalid_cursor")
    return at, key[1]


@endpoint(
    "POST",
    "/v1/pos/exceptions/{exception:str}/resolve",
    summary="Settle an exception",
    scopes=("pos:backfill",),
    takes=Resolve,
    gives=Resolved,
    keyed=True,
    refuses=("not_found", "wrong_state", "invalid_value", "idempotency_key_reused"),
    tag="pos",
)
async def resolve_exception(call: Call[Any]) -> Response:
    """A person's word on what was kept.

    `accept` posts a receipt that review holds, with its own time, through the same path as any
    other; `reject` never posts it.
    """
    identifier = call.path("exception")
    body = call.decode(Resolve)
    if body.reason and mask(body.reason) != body.reason:
        raise Problem("invalid_value", "/reason: It looks like a card number.")
    cell = cell_of(identifier)
    covered = call.client.locations
    db = call.state.db
    found = None if cell is None else await exception_by_id(db, cell, identifier, covered)
    if cell is None or found is None:
        raise Problem("not_found", "There is no such exception here.")
    outcome = await db.run(
        ResolveException(
            exception_id=identifier,
            action=body.action,
            reason=body.reason,
            locations=None if covered is None else sorted(covered),
            codes=codes_of(found.body),
            **call.header_of_command(),
        ),
        cell,
    )
    if outcome.code not in ("accepted", "rejected"):
        headers = REPLAYED if outcome.replayed else None
        raise Problem(outcome.code, outcome.detail, headers=headers)
    resolved = Resolved(
        identifier, "resolved", body.action, outcome.receipt_id or "", outcome.status or ""
    )
    return reply(resolved, headers=REPLAYED if outcome.replayed else None)


def _terminal_code(call: Call[Any]) -> str:
    """The terminal in the path, well formed."""
    try:
        return msgspec.convert(call.path("terminal"), TerminalCode)
    except msgspec.ValidationError as error:
        raise Problem("invalid_path", "That is no terminal's code.") from error


ROUTES = (
    post_receipts,
    put_terminal,
    get_terminal,
    list_terminals,
    list_exceptions,
    resolve_exception,
)
