"""The outermost layer: request ids, one log line a request, metrics, and the last resort."""

import re
import time
from typing import Any

import uuid_utils
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.log import log
from service.web.body import Gone
from service.web.metrics import observe
from service.web.problems import Problem

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_QUIET = frozenset(("/healthz", "/readyz", "/metrics"))
CLIENT_GONE = 499


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
        request_id, trace = _ids(scope)
        scope["request_id"] = request_id  # type: ignore[typeddict-unknown-key]
        status = 0
        tag = request_id.encode()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"request-id", tag)]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Gone:
            status = CLIENT_GONE
        except Exception:  # noqa: BLE001 - the last resort: nobody waits without an answer
            log.exception("unforeseen", request_id=request_id)
            if not status:
                await Problem("internal_error").asgi_response()(scope, receive, send_with_id)
        finally:
            _note(scope, status, started, request_id, trace)


def _ids(scope: Scope) -> tuple[str, str | None]:
    """The request's id (the client's, when it is a decent one) and its trace."""
    request_id = trace = None
    for name, value in scope["headers"]:
        if name == b"request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent" and (found := _TRACE.fullmatch(value)):
            trace = found.group(1).decode()
    return request_id or str(uuid_utils.uuid7()), trace


def _note(
    scope: Any,  # noqa: ANN401 - the scope carries our own entries
    status: int,
    started: float,
    request_id: str,
    trace: str | None,
) -> None:
    seconds = time.perf_counter() - started
    handler = scope.get("route_handler")
    spec = handler.opt.get("spec") if handler is not None else None
    name = spec.name if spec is not None else "none"
    observe(name, scope["method"], status, seconds)
    if scope["path"] in _QUIET and status < 400:  # noqa: PLR2004 - a status class
        return
    line: dict[str, object] = {
        "route": name,
        "method": scope["method"],
        "status": status,
        "ms": round(seconds * 1000, 2),
        "client": scope.get("client_name"),
        "request_id": request_id,
    }
    if trace:
        line["trace_id"] = trace
    log.info("request", **line)
