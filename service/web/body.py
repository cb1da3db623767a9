"""Reading a body: its size, its time, its depth and its shape, before any rule sees it."""

import asyncio
import re
from array import array
from collections.abc import AsyncIterator, Container
from functools import lru_cache
from itertools import accumulate
from typing import Any, TypeVar

import msgspec
from litestar.types import Receive, Scope

from service.web.problems import FieldProblem, Problem

T = TypeVar("T")

SMALL_BYTES = 256 * 1024
BATCH_BYTES = 5 * 1024 * 1024
BODY_SECONDS = 10.0
DEPTH_MAX = 32
_LENGTH_DIGITS = 18
_UTF8 = ("utf-8", "utf8")
_PATH = re.compile(r" - at `\$((?:\.[^.\[\]`]+|\[\d+\]|\[\.\.\.\])*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `([a-z][a-z_]{0,31})`")
_MISSING = re.compile(r"Object missing required field `([a-z_]+)`")
_STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]")
_NOT_BRACKET = bytes(set(range(256)) - set(b"{}[]"))
_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")  # +1 and -1 as signed bytes


class Gone(Exception):  # noqa: N818 - an event
    """The client went away while sending, or what it sent ended in the middle (broken chunks)."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read the whole body within BODY_SECONDS.

    Raises:
        Problem: 408, 413, 415 (two media types). Gone: the client hung up.
    """
    length = _content_length(scope)
    if length is not None and length > limit:
        raise Problem("body_too_large", f"At most {limit} bytes.")
    parts: list[bytes] = []
    size = 0
    more = True
    patience = _Patience(BODY_SECONDS)
    try:
        while more:
            message = await _receive(receive)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise Problem("body_too_large", f"At most {limit} bytes.")
            more = message.get("more_body", False)
    except asyncio.CancelledError as error:
        if patience.ended():
            raise Problem("request_timeout") from error
        raise
    finally:
        patience.stop()
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Patience:
    """What asyncio.timeout does, for one wait in one task.

    On Python 3.11 that one asks the system for the process's id five times: 6 % of a hold.
    """

    __slots__ = ("_handle", "_over", "_task")

    def __init__(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] = asyncio.current_task(loop)  # type: ignore[assignment]
        self._over = False
        self._handle = loop.call_later(seconds, self._end)

    def _end(self) -> None:
        self._over = True
        self._task.cancel()

    def ended(self) -> bool:
        """Whether it was this that cancelled the wait, and nobody else."""
        return self._over and self._task.uncancel() <= 0

    def stop(self) -> None:
        """The wait is over."""
        self._handle.cancel()


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
    """How much the client says it sends; None where it does not say."""
    length: int | None = None
    types = 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            # int() refuses thousands of digits: what is too long to be a size is cut, and too large
            length = int(value[:_LENGTH_DIGITS])
        types += name == b"content-type"
    if types > 1:
        raise Problem("unsupported_media_type", "Send one Content-Type.")
    return length


def check_media_type(value: str | None, *taken: str) -> None:
    """Refuse a body of another type.

    Raises:
        Problem: 415.
    """
    if value in taken:
        return
    media, *parameters = (value or "").lower().split(";")
    named = (parameter.partition("=") for parameter in parameters)
    charsets = [text.strip().strip('"') for name, _, text in named if name.strip() == "charset"]
    if media.strip() not in taken or any(charset not in _UTF8 for charset in charsets):
        raise Problem("unsupported_media_type", f"Send {' or '.join(taken)} in UTF-8.")


def check_depth(body: bytes) -> None:
    """Refuse more than DEPTH_MAX levels, before a recursive parser sees them.

    Only loops in C: the worst 5 MB take 0.2 s, in which nobody else is served.

    Raises:
        Problem: 400.
    """
    if body.count(b"{") + body.count(b"[") <= DEPTH_MAX:
        return
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    steps = b"".join(plain.split(b'"')[::2]).translate(_STEPS, _NOT_BRACKET)
    if max(accumulate(array("b", steps)), default=0) > DEPTH_MAX:
        raise Problem("too_deep")


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
        detail, pointer = explain(str(error), names_of(kind))  # type: ignore[arg-type]
        field = FieldProblem(pointer=where + pointer, code="invalid", detail=detail)
        raise Problem("invalid_request", f"{field.pointer}: {detail}", errors=[field]) from error
    except UnicodeDecodeError as error:
        raise Problem("invalid_encoding") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Problem("invalid_json") from error


@lru_cache(maxsize=256)
def names_of(kind: Any) -> frozenset[str]:  # noqa: ANN401 - any type that msgspec knows
    """The names of all fields in a type, at any level: what a pointer may say."""
    found: set[str] = set()
    seen: set[type] = set()
    waiting: list[Any] = [msgspec.inspect.type_info(kind)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(node)
        elif isinstance(node, msgspec.inspect.StructType):
            if node.cls not in seen:
                seen.add(node.cls)
                found.update(field.encode_name for field in node.fields)
                waiting.extend(field.type for field in node.fields)
        elif isinstance(node, msgspec.inspect.Type):
            waiting.extend(getattr(node, name) for name in node.__struct_fields__)
    return frozenset(found)


def explain(message: str, names: Container[str]) -> tuple[str, str]:
    """Msgspec's words as (sentence, JSON pointer), without the body's own words.

    A field that is none of `names` was made up by the client to look like a path: no pointer then.
    """
    found = _PATH.search(message)
    detail = message[: found.start()] if found else message
    steps = _STEP.findall(found.group(1)) if found else []
    if not all(index or name in names for name, index in steps):
        steps = []
    if detail.startswith("Object contains unknown field"):
        # a plain lower-case name is a slip of the keyboard, and whoever made it wants to see it
        named = _UNKNOWN.fullmatch(detail)
        steps += [(named.group(1), "")] if named else []
        detail = "There is no such field here"
    elif named := _MISSING.fullmatch(detail):
        steps.append((named.group(1), ""))
        detail = "This field is needed"
    if detail.startswith("Invalid enum value"):
        detail = "Not one of the values that are taken here"
    if "matching regex" in detail:
        detail = "It has characters, or a form, that are not taken here"
    pointer = "".join(f"/{name or index}" for name, index in steps)
    return detail[:200], pointer or "/"
