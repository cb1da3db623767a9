"""The outermost layer: request ids, one log line a request, metrics, and the last resort."""

import re
import time
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import uuid_utils
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.log import log
from service.web.metrics import observe
from service.web.problems import Problem, instance_of

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_QUIET = frozenset(("/healthz", "/readyz", "/metrics"))
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CLIENT_GONE = 499  # in log and metrics only: nobody is there to be answered
HEADERS_BYTES = 32 * 1024
TARGET_BYTES = 8 * 1024


class Asked(NamedTuple):
    """What the edge reads of a request: its id, its trace, and why it goes no further."""

    request_id: str
    trace: str | None
    refusal: Problem | None


class Edge:
    """Wraps the whole app; lifespan passes through."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is the Litestar app."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":  # type: ignore[comparison-overlap]
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        asked = read_request(scope)
        scope["request_id"] = asked.request_id  # type: ignore[typeddict-unknown-key]
        status = 0
        tag = asked.request_id.encode()
        method = str(scope["method"])  # type: ignore[typeddict-item]
        if method == "HEAD":  # as GET, and the body stays here
            scope["method"] = "GET"  # type: ignore[typeddict-unknown-key]

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"request-id", tag)]
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            if asked.refusal is None:
                await self.app(scope, receive, send_with_id)
            else:
                refused = asked.refusal.response(instance_of(scope))
                await refused(scope, receive, send_with_id)
        except Exception:  # noqa: BLE001 - the last resort: nobody waits without an answer
            log.exception("unforeseen", request_id=asked.request_id)
            if not status:
                failed = Problem("internal_error").response(instance_of(scope))
                await failed(scope, receive, send_with_id)
        finally:
            _note(scope, method, status, time.perf_counter() - started, asked)


def read_request(scope: Scope) -> Asked:
    """The request's id (the client's, when it is a decent one), its trace, and what is wrong."""
    request_id = trace = None
    size = hosts = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"host":
            hosts += 1
        elif name == b"request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent" and (found := _TRACE.fullmatch(value)):
            trace = found.group(1).decode()
    refusal = None
    if size > HEADERS_BYTES:
        refusal = Problem("header_too_large", f"At most {HEADERS_BYTES} bytes in all headers.")
    elif hosts > 1 or (not hosts and scope["http_version"] == "1.1"):
        refusal = Problem("invalid_request", "Send one Host header.")
    else:
        refusal = _target_refusal(scope)
    return Asked(request_id or str(uuid_utils.uuid7()), trace, refusal)


def _target_refusal(scope: Scope) -> Problem | None:
    """What keeps an address from being read: its length, a NUL, or bytes that are no UTF-8."""
    raw = scope.get("raw_path") or b""
    if len(raw) + len(scope["query_string"]) > TARGET_BYTES:
        return Problem("uri_too_long", f"At most {TARGET_BYTES} bytes.")
    if b"%" in raw:
        try:
            unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            return Problem("invalid_path", "It is no UTF-8.")
        if "\x00" in scope["path"]:
            return Problem("invalid_path", "It holds a NUL character.")
    return None


def _note(scope: Any, method: str, status: int, seconds: float, asked: Asked) -> None:  # noqa: ANN401 - the scope carries our own entries
    spec = scope.get("spec")
    name = spec.name if spec is not None else "none"
    if scope.get("gone"):
        status = CLIENT_GONE
    if method not in _METHODS:  # a client's word as a label would be kept for ever
        method = "other"
    observe(name, method, status, seconds)
    if scope["path"] in _QUIET and status < 400:  # noqa: PLR2004 - a status class
        return
    line: dict[str, object] = {
        "route": name,
        "method": method,
        "status": status,
        "ms": round(seconds * 1000, 2),
        "client": scope.get("client_name"),
        "request_id": asked.request_id,
    }
    if asked.trace:
        line["trace_id"] = asked.trace
    log.info("request", **line)
