"""Reading a body: its size, its time, its depth and its shape, before any rule sees it."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from litestar.types import Receive, Scope

from service.web.problems import FieldProblem, Problem

T = TypeVar("T")

SMALL_BYTES = 256 * 1024
BATCH_BYTES = 5 * 1024 * 1024
BODY_SECONDS = 10.0
DEPTH_MAX = 32
_PATH = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_OPEN = frozenset(b"{[")
_CLOSE = frozenset(b"}]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_NOT_BRACKET = bytes(set(range(256)) - set(b"{}[]"))


class Gone(Exception):  # noqa: N818 - an event
    """The client went away while sending."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read the whole body within BODY_SECONDS.

    Raises:
        Problem: 408, 413. Gone: the client hung up.
    """
    length = _content_length(scope)
    if length is not None and length > limit:
        raise Problem("body_too_large", f"At most {limit} bytes.")
    message = await _receive(receive)
    body = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise Problem("body_too_large", f"At most {limit} bytes.")
        return body  # type: ignore[no-any-return]
    parts = [body]
    size = len(body)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while message.get("more_body"):
                if size > limit:
                    raise Problem("body_too_large", f"At most {limit} bytes.")
                message = await _receive(receive)
                parts.append(message.get("body", b""))
                size += len(parts[-1])
    except TimeoutError as error:
        raise Problem("request_timeout") from error
    if size > limit:
        raise Problem("body_too_large", f"At most {limit} bytes.")
    return b"".join(parts)


async def stream_body(receive: Receive, idle_seconds: float = 30.0) -> AsyncIterator[bytes]:
    """The body in parts, without an end to its size; a client may be silent for a while only."""
    while True:
        try:
            message = await asyncio.wait_for(_receive(receive), idle_seconds)
        except TimeoutError as error:
            raise Problem("request_timeout") from error
        if part := message.get("body", b""):
            yield part
        if not message.get("more_body"):
            return


async def _receive(receive: Receive) -> dict[str, Any]:
    message: Any = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message  # type: ignore[no-any-return]


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


def check_media_type(value: str | None, *taken: str) -> None:
    """Refuse a body of another type.

    Raises:
        Problem: 415.
    """
    media, _, rest = (value or "").partition(";")
    media = media.strip().lower()
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if media not in taken or (charset and charset not in ("utf-8", "utf8")):
        raise Problem("unsupported_media_type", f"Send {' or '.join(taken)} in UTF-8.")


def check_depth(body: bytes) -> None:
    """Refuse more than DEPTH_MAX levels, before a recursive parser sees them.

    Raises:
        Problem: 400.
    """
    if body.count(b"{") + body.count(b"[") <= DEPTH_MAX:
        return
    depth = 0
    for byte in _STRING.sub(b"", body).translate(None, _NOT_BRACKET):
        if byte in _OPEN:
            depth += 1
            if depth > DEPTH_MAX:
                raise Problem("too_deep")
        else:
            depth -= 1


@lru_cache(maxsize=256)
def decoder_of(kind: Any) -> Any:  # noqa: ANN401 - any type that msgspec knows
    """A msgspec decoder, made once per type."""
    return msgspec.json.Decoder(kind)


def decode(kind: type[T], body: bytes | msgspec.Raw, where: str = "") -> T:
    """Decode strictly; `where` is put before the pointer of a problem.

    Raises:
        Problem: 400 with a JSON pointer to the field.
    """
    try:
        return decoder_of(kind).decode(body)  # type: ignore[no-any-return, arg-type]
    except msgspec.ValidationError as error:
        detail, pointer = explain(str(error))
        field = FieldProblem(pointer=where + pointer, code="invalid", detail=detail)
        raise Problem("invalid_request", f"{field.pointer}: {detail}", errors=[field]) from error
    except UnicodeDecodeError as error:
        raise Problem("invalid_encoding") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Problem("invalid_json") from error


def explain(message: str) -> tuple[str, str]:
    """Msgspec's words as (sentence, JSON pointer), without the body's own words."""
    found = _PATH.search(message)
    path = found.group(1) if found else ""
    detail = message[: found.start()] if found else message
    if detail.startswith("Object contains unknown field"):
        detail = "There is no such field here"
    if detail.startswith("Invalid enum value"):
        detail = "Not one of the values that are taken here"
    if "matching regex" in detail:
        detail = "It has characters, or a form, that are not taken here"
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(path))
    return detail[:200], pointer or "/"
