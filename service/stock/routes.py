"""Routes of stock (contract §3)."""

from typing import Any

import msgspec
from litestar import Response

from service.locations.reads import cell_of_location
from service.stock.commands import RecordMovements
from service.stock.rules import Refused, posting, refusal, told
from service.stock.types import (
    MOVEMENTS_MAX,
    Envelope,
    Movement,
    MovementResults,
    Movements,
    Posting,
)
from service.web.body import decode
from service.web.problems import Problem
from service.web.route import Call, endpoint, new_id, reply

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
async def record_movements(call: Call[Any]) -> Response[bytes]:
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


ROUTES = (record_movements,)
