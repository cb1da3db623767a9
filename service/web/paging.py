"""Pages of a list: an opaque cursor that holds the last key, and the reply with its next link."""

import base64
import binascii
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from msgspec import Meta

from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, reply, tagged

LIMIT_DEFAULT = 50
BIGINT_MAX = 2**63 - 1
Limit = Annotated[int, Meta(ge=1, le=200)]
Cursor = Annotated[str, Meta(min_length=1, max_length=1024)]


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What every list takes."""

    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor | None = None


def make_cursor(*key: str | int) -> str:
    """The key of the last entry, as text that promises nothing."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The key in a cursor; None where there is no cursor.

    Raises:
        Problem: 400 `invalid_cursor` for what `make_cursor` did not make of such a key.
    """
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(text)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError) as error:
        raise Problem("invalid_cursor") from error
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise Problem("invalid_cursor")
    if any(isinstance(part, str) and "\x00" in part for part in key):
        raise Problem("invalid_cursor")
    if any(isinstance(part, int) and abs(part) > BIGINT_MAX for part in key):
        raise Problem("invalid_cursor")
    return tuple(key)


def page_of(
    call: Call[Any], items: list[Any], next_cursor: str | None, *, etag: bool = False
) -> Response:
    """`{"items", "next_cursor"}` with `Link: rel="next"` while there is more."""
    headers = {}
    if next_cursor is not None:
        query = call.scope["query_string"].decode("ascii", "replace")
        asked = [(k, v) for k, v in parse_qsl(query, keep_blank_values=True) if k != "cursor"]
        path = quote(call.scope["path"])  # headers are ASCII, SKUs need not be
        link = f"{path}?{urlencode([*asked, ('cursor', next_cursor)])}"
        headers["Link"] = f'<{link}>; rel="next"'
    content = {"items": items, "next_cursor": next_cursor}
    if etag:
        return tagged(call, content, headers=headers)
    return reply(content, headers=headers)
