"""Routes of exceptions (contract §5)."""

from datetime import datetime
from typing import Any, Literal

from service.exceptions.commands import ResolveException
from service.exceptions.reads import exception_by_id, exceptions_before
from service.exceptions.types import ExceptionKind, ExceptionPage, Resolve, Resolved
from service.locations.types import LocationCode
from service.pos.rules import code_of, codes_of, mask
from service.web.paging import PageQuery, make_cursor, page_of, read_cursor
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, cell_of, endpoint, reply

REPLAYED = {"Idempotent-Replayed": "true"}


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
    """Newest first: what was not posted, lines that nobody knows, missing numbers, doubtful pairs.

    A token with a list of locations sees those of its list.
    """
    query = call.query(ExceptionQuery)
    if query.location is not None:
        call.must_cover(query.location)
    found = await exceptions_before(
        call.state.db,
        _position(query.cursor),
        (query.kind, query.state),
        call.client.locations if query.location is None else [query.location],
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
    refuses=(
        "not_found",
        "wrong_state",
        "unknown_sku",
        "gtin_taken",
        "invalid_value",
        "idempotency_key_reused",
    ),
    tag="pos",
)
async def resolve_exception(call: Call[Any]) -> Response:
    """A person's word on what was kept.

    `map` says which item (`sku`) an unknown code is: the barcode becomes the item's, and every line
    that waits for it is posted with its own time. `accept` posts what review holds, keeps what came
    back beyond what was sold, says that a missing number never comes, or that a till sale and a
    handover are one unit; `reject` never posts it, hands it back, or says that they are two. What
    an action cannot settle is refused with what to do instead.
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
            sku=body.sku,
            gtin=None if found.gtin is None else code_of(found.gtin),
            reason=body.reason,
            locations=None if covered is None else sorted(covered),
            codes=codes_of(found.body),
            **call.header_of_command(),
        ),
        cell,
    )
    headers = REPLAYED if outcome.replayed else None
    if outcome.code not in ("accepted", "rejected", "mapped"):
        raise Problem(outcome.code, outcome.detail, headers=headers)
    resolved = Resolved(identifier, "resolved", body.action, outcome.receipt_id, outcome.status)
    return reply(resolved, headers=headers)


ROUTES = (list_exceptions, resolve_exception)
