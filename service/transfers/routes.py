"""Transfers over HTTP (contract §3)."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from service.locations.reads import cells_of_locations
from service.locations.types import LocationCode
from service.outcomes import REFUSALS
from service.transfers import commands, reads, rules
from service.transfers.types import (
    ArrivedLine,
    AskedLine,
    Close,
    Direction,
    Dispatch,
    Nothing,
    PostTransfer,
    Receive,
    State,
    Transfer,
    TransferPage,
)
from service.web.paging import PageQuery, make_cursor, page_of, read_cursor
from service.web.problems import FieldProblem, Problem
from service.web.reply import Response
from service.web.route import Call, cell_of, endpoint, new_id, reply, tagged

SCOPES = ("transfers:write",)
READS = ("transfers:write", "stock:read", "stock:write")
MANAGER = ("stock:write",)
REPLAYED = {"Idempotent-Replayed": "true"}
_OF_ONE = ("not_found", "forbidden_location", "wrong_state", "idempotency_key_reused")


@endpoint(
    "POST",
    "/v1/transfers",
    summary="Ask for goods to be sent to another place",
    scopes=SCOPES,
    takes=PostTransfer,
    gives=Transfer,
    statuses=(201,),
    keyed=True,
    refuses=(
        "batch_too_large",
        "invalid_value",
        "card_number",
        "cross_cell",
        "insufficient_stock",
        "uncertain_stock",
        "location_closed",
        "unknown_location",
        "unknown_sku",
        "not_stock_tracked",
        "idempotency_key_reused",
    ),
    tag="transfers",
)
async def request_transfer(call: Call[PostTransfer]) -> Response:
    """Claims all lines at the sender, or none; lines of one item are summed first.

    The guard is that of a hold, unless a manager overrides it (scope stock:write). What is not
    sent within 48 hours is free again.
    """
    body = call.decode(PostTransfer)
    call.must_cover(body.from_)
    _refuse(rules.wrong_request(body))
    if body.override is not None and not call.client.may(MANAGER):
        raise Problem("forbidden_scope", "`override` needs stock:write.")
    cells = await cells_of_locations(call.state.db, [body.from_, body.to])
    if len(cells) > 1:
        raise Problem("cross_cell")
    cell = next(iter(cells), 1)
    command = commands.RequestTransfer(
        **call.header_of_command(),
        transfer_id=new_id(cell),
        from_location=body.from_,
        to_location=body.to,
        lines=rules.merge_lines(body.lines),
        eta=_utc(body.eta),
        reference=body.reference,
        override=None if body.override is None else body.override.reason,
    )
    outcome = await commands.decide(call.state.db, command, cell)
    return _answer(outcome, body.lines, 201)


class TransferQuery(PageQuery, frozen=True, kw_only=True):
    """Which transfers to list; `direction` is seen from `location`."""

    location: LocationCode | None = None
    state: State | None = None
    direction: Direction | None = None


@endpoint(
    "GET",
    "/v1/transfers",
    summary="Transfers, newest first",
    scopes=READS,
    query=TransferQuery,
    gives=TransferPage,
    refuses=("invalid_cursor",),
    shed="read",
    tag="transfers",
)
async def list_transfers(call: Call[Any]) -> Response:
    """Of one place or all; a token with a list of locations sees those that touch its list."""
    query = call.query(TransferQuery)
    if query.direction is not None and query.location is None:
        field = FieldProblem("/direction", "invalid", "A direction is seen from a location")
        raise Problem("invalid_request", field.detail, errors=[field])
    (before,) = read_cursor(query.cursor, str) or (None,)
    if before is not None and cell_of(before) is None:
        raise Problem("invalid_cursor")
    filters = (query.location, query.direction, query.state)
    found = await reads.transfers_before(
        call.state.db, before, filters, call.client.locations, query.limit + 1
    )
    items = [_told(one) for one in found[: query.limit]]
    more = len(found) > query.limit
    return page_of(call, items, make_cursor(items[-1].id) if more else None)


@endpoint(
    "GET",
    "/v1/transfers/{transfer:str}",
    summary="One transfer",
    scopes=READS,
    gives=Transfer,
    shed="read",
    etag=True,
    refuses=("not_found",),
    tag="transfers",
)
async def get_transfer(call: Call[Any]) -> Response:
    """A transfer as it stands, for a token that covers either end."""
    found = await reads.transfer_by_id(call.state.db, await _cell(call), call.path("transfer"))
    if found is None or not (call.client.covers(found.from_) or call.client.covers(found.to)):
        raise Problem("not_found")
    return tagged(call, _told(found))


@endpoint(
    "POST",
    "/v1/transfers/{transfer:str}/dispatch",
    summary="Send what was asked for",
    scopes=SCOPES,
    takes=Dispatch,
    body_optional=True,
    gives=Transfer,
    keyed=True,
    refuses=(
        *_OF_ONE,
        "batch_too_large",
        "invalid_value",
        "not_on_transfer",
        "more_than_requested",
        "not_enough_there",
        "in_the_future",
    ),
    tag="transfers",
)
async def dispatch_transfer(call: Call[Dispatch]) -> Response:
    """The whole of it, or the lines named; the rest stays claimed until it is sent or cancelled."""
    body = call.decode(Dispatch) if call.body.strip() else Dispatch()
    _refuse(rules.wrong_dispatch(body))
    command = commands.DispatchTransfer(
        **_header(call),
        lines=rules.merge_lines(body.lines or ()),
        occurred_at=_utc(body.occurred_at),
    )
    return await _change(call, command, body.lines or [])


@endpoint(
    "POST",
    "/v1/transfers/{transfer:str}/receive",
    summary="Take in what arrived",
    scopes=SCOPES,
    takes=Receive,
    gives=Transfer,
    keyed=True,
    refuses=(
        *_OF_ONE,
        "batch_too_large",
        "invalid_value",
        "card_number",
        "not_on_transfer",
        "no_waiting_claim",
        "over_receipt",
        "in_the_future",
    ),
    tag="transfers",
)
async def receive_transfer(call: Call[Receive]) -> Response:
    """In one or several goes. Units for an order are put aside for it, damaged ones apart.

    More than was sent needs a manager's word (a reason, and the scope stock:write) and has the
    sender count. What turns up after it was written off takes the loss back.
    """
    body = call.decode(Receive)
    _refuse(rules.wrong_receipt(body))
    command = commands.ReceiveTransfer(
        **_header(call),
        lines=rules.merge_arrivals(body.lines),
        occurred_at=_utc(body.occurred_at),
        reason=body.reason,
        may_exceed=body.reason is not None and call.client.may(MANAGER),
    )
    return await _change(call, command, body.lines)


@endpoint(
    "POST",
    "/v1/transfers/{transfer:str}/close",
    summary="Say that no more will come",
    scopes=SCOPES,
    takes=Close,
    body_optional=True,
    gives=Transfer,
    keyed=True,
    refuses=(*_OF_ONE, "card_number"),
    tag="transfers",
)
async def close_transfer(call: Call[Close]) -> Response:
    """One side's word makes a short transfer disputed, the other's closes it.

    What is missing then is lost; so it is 72 hours after the last receipt, whoever said what.
    """
    body = call.decode(Close) if call.body.strip() else Close()
    _refuse(rules.wrong_reason(body.reason))
    command = commands.CloseTransfer(**_header(call), side=body.side, reason=body.reason)
    return await _change(call, command, [])


@endpoint(
    "POST",
    "/v1/transfers/{transfer:str}/cancel",
    summary="Give free what has not left",
    scopes=SCOPES,
    takes=Nothing,
    body_optional=True,
    gives=Transfer,
    keyed=True,
    refuses=_OF_ONE,
    tag="transfers",
)
async def cancel_transfer(call: Call[Nothing]) -> Response:
    """Before dispatch the whole of it; afterwards what is still claimed. Twice is once."""
    if call.body.strip():
        call.decode(Nothing)
    return await _change(call, commands.CancelTransfer(**_header(call)), [])


async def _change(
    call: Call[Any], command: commands.Change, lines: list[AskedLine] | list[ArrivedLine]
) -> Response:
    outcome = await commands.decide(call.state.db, command, await _cell(call))
    return _answer(outcome, lines, 200)


def _answer(
    outcome: commands.TransferOutcome, lines: list[AskedLine] | list[ArrivedLine], status: int
) -> Response:
    """What was decided; the same bytes for the same outcome."""
    headers = dict(REPLAYED) if outcome.replayed else {}
    if outcome.transfer is not None and outcome.code not in REFUSALS:
        if status == 201:  # noqa: PLR2004 - created
            headers["Location"] = f"/v1/transfers/{outcome.transfer.transfer_id}"
        return reply(_told(outcome.transfer), status, headers)
    errors = [
        FieldProblem(
            pointer=rules.pointer_of(lines, line.sku),
            code=line.code,
            sku=line.sku,
            requested=line.requested,
            available=line.available,
        )
        for line in outcome.short
    ]
    detail = None
    if outcome.transfer is not None:
        detail = f"The transfer is {outcome.transfer.state}."
    raise Problem(outcome.code, detail, errors=errors or None, headers=headers)


def _refuse(wrong: rules.Wrong | None) -> None:
    if wrong is not None:
        code, pointer, detail = wrong
        raise Problem(code, detail, errors=[FieldProblem(pointer, code, detail)])


def _header(call: Call[Any]) -> dict[str, Any]:
    """The fields that every change of a transfer has."""
    locations = call.client.locations
    return {
        **call.header_of_command(),
        "transfer_id": call.path("transfer"),
        "locations": None if locations is None else sorted(locations),
    }


async def _cell(call: Call[Any]) -> int:
    """The cell in the id; an id that is none of ours is not found."""
    cell = cell_of(call.path("transfer"))
    if cell is None or not await call.state.cells.knows(call.state.db, cell):
        raise Problem("not_found")
    return cell


def _utc(moment: datetime | None) -> datetime | None:
    """In UTC: PostgreSQL does not know every offset that RFC 3339 does."""
    return moment and moment.astimezone(UTC)


def _told(found: commands.ToldTransfer) -> Transfer:
    """A transfer in the words of the contract."""
    fields = msgspec.structs.asdict(found)
    return Transfer(id=fields.pop("transfer_id"), **fields)


ROUTES = (
    request_transfer,
    list_transfers,
    get_transfer,
    dispatch_transfer,
    receive_transfer,
    close_transfer,
    cancel_transfer,
)
