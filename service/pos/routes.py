"""Routes of tills (contract §5)."""

from typing import Any

import msgspec

from service.pos.commands import asking_of, post_all
from service.pos.rules import Refused, refusal, refused_result
from service.pos.types import (
    LINES_MAX,
    RECEIPTS_MAX,
    Envelope,
    Identity,
    Receipt,
    Receipts,
    Result,
    Results,
)
from service.web.body import decode
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, reply


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


ROUTES = (post_receipts,)
