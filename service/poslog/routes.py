"""The route that takes ARTS POSLog XML (contract §9, §11)."""

import asyncio
from typing import Any

from msgspec.structs import replace

from service.pos.commands import asking_of, post_all
from service.pos.rules import Refused, refused_result
from service.pos.types import Receipt, Result, Results
from service.poslog.formats import read_poslog
from service.poslog.reads import zones_of_terminals
from service.poslog.rules import WHY_IGNORED, identity_of, receipt_of
from service.poslog.types import PosLogQuery, PosLogReceipt, PosLogText, Transaction, Unreadable
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, reply


@endpoint(
    "POST",
    "/v1/pos/poslog",
    summary="Post a POSLog",
    scopes=("pos:write",),
    query=PosLogQuery,
    takes=PosLogText,
    media=("application/xml", "text/xml"),
    gives=Results,
    size="batch",
    shed="till",
    refuses=("invalid_xml", "too_deep", "batch_too_large"),
    tag="pos",
)
async def post_poslog(call: Call[Any]) -> Response:
    """The transactions of a till's log as receipts, each decided by itself, in the file's order.

    A terminal is `{RetailStoreID}-{WorkstationID}`, and its sequence number the natural key:
    sending a file again is safe. A time without zone is by the clock of the terminal's place.
    Control, training, cancelled and suspended transactions are `ignored`; their numbers count as
    received. What is voided inside a transaction nets to zero. A quantity counts the item's sales
    units: one that is no whole number of base units is kept as `fractional_quantity` and moves
    nothing.

    XML that is cut short or broken is refused as a whole, with line and column, and nothing of it
    is taken. A transaction that cannot be a receipt is refused by itself.
    """
    asking = asking_of(call, backfill=call.query(PosLogQuery).backfill)
    transactions = await _transactions(call.body)
    zones = await zones_of_terminals(asking.db, (t.terminal for t in transactions))
    read: list[Receipt | Result] = []
    for index, transaction in enumerate(transactions):
        found = receipt_of(transaction, zones.get(transaction.terminal))
        if isinstance(found, Refused):
            read.append(refused_result(index, identity_of(transaction), found))
        else:
            read.append(found)
    results = await post_all(asking, read)
    told = [_with_reason(*pair) for pair in zip(read, results.results, strict=True)]
    return reply(replace(results, results=told))


async def _transactions(body: bytes) -> list[Transaction]:
    """All transactions of the body; others are served between its parts."""
    found: list[Transaction] = []
    try:
        for part in read_poslog(body):
            found += part
            await asyncio.sleep(0)
    except Unreadable as error:
        raise Problem(error.code, error.detail) from error
    return found


def _with_reason(receipt: Receipt | Result, result: Result) -> Result:
    """A result that says why its transaction was ignored."""
    if result.status != "ignored" or not isinstance(receipt, PosLogReceipt) or not receipt.ignored:
        return result
    return replace(result, detail=WHY_IGNORED[receipt.ignored])


ROUTES = (post_poslog,)
