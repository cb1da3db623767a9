"""If-Match and If-None-Match of a change: only if it is still what was read."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from service.web.problems import Problem
from service.web.route import Call, etag_of


async def expected_version(
    call: Call[Any], read: Callable[[], Awaitable[tuple[Any, int] | None]]
) -> int | None:
    """The version that the command shall find; None: any, 0: none at all.

    `read` gives what is there and its version; the ETag is a hash of the body as GET gives it.

    Raises:
        Problem: 412.
    """
    wanted, unwanted = call.header("if-match"), call.header("if-none-match")
    if wanted is None and unwanted is None:
        return None
    found = await read()
    if unwanted is not None:
        if found is not None and _names(unwanted, found[0]):
            raise Problem("precondition_failed")
        if unwanted.strip() == "*":
            return 0
    if wanted is None:
        return None
    if found is None or not _names(wanted, found[0]):
        raise Problem("precondition_failed")
    return found[1]


def _names(header: str, content: object) -> bool:
    """Whether an entity-tag list has the tag of this content (strong comparison)."""
    tag = etag_of(msgspec.json.encode(content))
    return header.strip() == "*" or tag in [part.strip() for part in header.split(",")]
