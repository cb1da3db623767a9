"""Declaring a route: one decorator says all that the kit and the contract need to know of it.

What it does for every request, in this order: admission, token, rate, scope, location, key, body.
The handler then parses, calls one command or read, and shapes the reply.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
import uuid_utils
from litestar import Request, route
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from service.lanes import LaneError
from service.web.auth import Client, Tokens
from service.web.body import (
    BATCH_BYTES,
    SMALL_BYTES,
    Gone,
    check_depth,
    check_media_type,
    decode,
    read_body,
)
from service.web.limits import Admission, RateLimit
from service.web.problems import Problem, instance_of, problem_of
from service.web.query import parse_query
from service.web.reply import NOT_MODIFIED, Response

T = TypeVar("T")
Handler = Callable[["Call[Any]"], Awaitable[Response]]
_JSON = "application/json"
_VISIBLE = frozenset(range(0x21, 0x7F))
KEY_MAX = 255


class Spec(NamedTuple):
    """Everything there is to know of a route, for the kit, openapi.yaml and the tests."""

    method: str
    path: str
    name: str
    summary: str
    description: str
    scopes: tuple[str, ...] | None  # any of them; None: no token needed
    takes: Any = None  # the body's type
    media: tuple[str, ...] = (_JSON,)
    query: type[msgspec.Struct] | None = None
    gives: Any = None  # the reply's type; a tuple: one for each status
    statuses: tuple[int, ...] = (200,)
    refuses: tuple[str, ...] = ()  # business refusals, by code
    keyed: bool = False  # needs an Idempotency-Key
    body_optional: bool = False  # an action without details: `{}` or nothing at all
    size: str = "small"  # small | batch | stream
    shed: str = "command"  # read | command | till | never: what goes first under overload
    etag: bool = False
    tag: str = ""


class Kit(NamedTuple):
    """What the kit needs of the process: put into app.state.kit by the composition root."""

    tokens: Tokens
    rate: RateLimit
    admission: Admission
    schema: str = ""  # checksum of the functions that this release needs


class Call(Generic[T]):
    """One request on its way through a handler."""

    __slots__ = ("body", "client", "key", "receive", "request_id", "scope", "spec", "state")

    def __init__(self, spec: Spec, scope: Scope, receive: Receive) -> None:
        """Made by the kit only."""
        self.spec = spec
        self.scope: Any = scope
        self.receive = receive
        self.state: Any = scope["litestar_app"].state
        self.request_id = str(self.scope.get("request_id", ""))
        self.body = b""
        self.key = ""
        self.client: Client = _NOBODY

    def path(self, name: str) -> str:
        """A path parameter."""
        return str(self.scope["path_params"][name])

    def header(self, name: str) -> str | None:
        """A request header by its name in lower case; of one that came twice, the first."""
        wanted = name.encode("ascii")
        for found, value in self.scope["headers"]:
            if found == wanted:
                return str(value, "latin-1")
        return None

    def decode(self, kind: type[T]) -> T:
        """The body as `kind`, strictly (400 with a pointer otherwise)."""
        return decode(kind, self.body)

    def query(self, kind: type[T]) -> T:
        """The query string as `kind` (400 naming the parameter otherwise)."""
        return parse_query(kind, self.scope["query_string"])

    def fingerprint(self) -> str:
        """What makes this request this request: method, path and raw body (contract §12)."""
        scope = self.scope
        digest = hashlib.blake2b(self.body, digest_size=16)
        digest.update(f"{scope['method']} {scope['path']}".encode("utf-8", "replace"))
        return digest.hexdigest()

    def header_of_command(self) -> dict[str, Any]:
        """The fields that every command has: who asks, and how to recognise the asking again."""
        return {
            "client_id": self.client.client_id,
            # with a blank, which no client's key can have: the two never meet
            "key": self.key or f" {uuid_utils.uuid4()}",
            "fingerprint": self.fingerprint(),
            "request_id": self.request_id,
        }

    def must_cover(self, location: str) -> None:
        """Refuse a location outside the token's list (403)."""
        if not self.client.covers(location):
            raise Problem("forbidden_location", "The token's list of locations does not have it.")


_NOBODY = Client(0, "", "", frozenset(), frozenset(), 0.0)


class _NoQuery(msgspec.Struct, frozen=True):
    """Of a route that takes no query: a misspelt parameter is told, not ignored."""


class Endpoint(NamedTuple):
    """A route: all there is to know of it, and the function that answers."""

    spec: Spec
    function: Handler


def endpoint(
    method: str,
    path: str,
    *,
    summary: str,
    **of: Any,  # noqa: ANN401 - Spec's fields
) -> Callable[[Handler], Endpoint]:
    """Make a route of `async def name(call) -> Response`; arguments are Spec's."""

    def decorate(function: Handler) -> Endpoint:
        spec = Spec(
            method=method,
            path=path,
            name=function.__name__,
            summary=summary,
            description=(function.__doc__ or "").strip(),
            **{"scopes": None, **of},
        )
        return Endpoint(spec, function)

    return decorate


def mount(endpoints: Iterable[Endpoint]) -> list[ASGIRouteHandler | HTTPRouteHandler]:
    """Litestar's handlers for these routes.

    A path without parameters is one plain ASGI handler: Litestar finds it, and what its HTTP
    handlers do beyond that (signatures, dependencies, response classes) the kit does not need; it
    costs a quarter of a small request. Litestar 2.25 loses the parameters of an ASGI handler's
    path, so a path that has some is an HTTP handler for each method.
    """
    every = list(endpoints)
    paths: dict[str, dict[str, Endpoint]] = {}
    for one in every:
        paths.setdefault(one.spec.path, {})[one.spec.method] = one
    handlers: list[ASGIRouteHandler | HTTPRouteHandler] = []
    for path, methods in paths.items():
        if "{" in path:
            handlers.extend(_http_handler(one) for one in methods.values())
        else:
            handlers.append(_plain_handler(path, methods))
    return handlers


def allow(methods: Iterable[str]) -> str:
    """The Allow header of a path: the edge answers HEAD wherever there is a GET."""
    offered = {*methods, "OPTIONS"}
    return ", ".join(sorted(offered | {"HEAD"} if "GET" in offered else offered))


def _http_handler(one: Endpoint) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> ASGIApp:
        request.scope["spec"] = one.spec  # type: ignore[typeddict-unknown-key]
        return await answer(one.spec, one.function, request.scope, request.receive)

    return route(
        one.spec.path,
        http_method=[one.spec.method],  # type: ignore[list-item]
        opt={"specs": (one.spec,)},
        include_in_schema=False,
    )(serve)


def _plain_handler(path: str, methods: dict[str, Endpoint]) -> ASGIRouteHandler:
    allowed = allow(methods)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        found = methods.get(str(scope["method"]))  # type: ignore[typeddict-item]
        if found is not None:
            scope["spec"] = found.spec  # type: ignore[typeddict-unknown-key]
            response = await answer(found.spec, found.function, scope, receive)
        elif scope["method"] == "OPTIONS":  # type: ignore[typeddict-item]
            response = Response(b"", 204, headers={"Allow": allowed})
        else:
            problem = Problem("method_not_allowed", headers={"Allow": allowed})
            response = problem.response(instance_of(scope))
        await response(scope, receive, send)

    specs = tuple(one.spec for one in methods.values())
    return ASGIRouteHandler(path, opt={"specs": specs}, copy_scope=False)(dispatch)


async def answer(spec: Spec, function: Handler, scope: Scope, receive: Receive) -> Response:
    """Run one request through the kit; every refusal becomes problem+json."""
    limit: str | None = None
    entered = False
    call: Call[Any] = Call(spec, scope, receive)
    kit: Kit = call.state.kit
    try:
        kit.admission.enter(spec.shed)
        entered = True
        if spec.scopes is not None:
            limit = await _admit(call, kit)
        if spec.query is None and spec.scopes is not None and scope["query_string"]:
            parse_query(_NoQuery, scope["query_string"])
        key = idempotency_key(scope) if spec.keyed else ""
        if spec.takes is not None and spec.size != "stream":
            await _take_body(call)
        call.key = key
        response = await function(call)
    except Problem as problem:
        response = problem.response(_instance(call))
    except Gone:
        scope["gone"] = True  # type: ignore[typeddict-unknown-key]
        response = Problem("incomplete_body").response(_instance(call))
    except LaneError as error:
        response = _undecided(call, error).response(_instance(call))
    finally:
        if entered:
            kit.admission.leave()
    if limit is not None:
        response.headers["RateLimit"] = limit
        response.headers["RateLimit-Policy"] = kit.rate.policy
    return response


async def _admit(call: Call[Any], kit: Kit) -> str | None:
    client = await kit.tokens.client(call.header("authorization"))
    call.client = client
    call.scope["client_name"] = client.name
    limit = kit.rate.take(client.client_id)
    scopes = call.spec.scopes or ()
    if not client.may(scopes):
        raise Problem("forbidden_scope", f"It needs {' or '.join(scopes)}.")
    location = call.scope["path_params"].get("location")
    if location is not None and not client.covers(location):
        raise Problem("forbidden_location", "The token's list of locations does not have it.")
    return limit


async def _take_body(call: Call[Any]) -> None:
    spec = call.spec
    if spec.body_optional and call.header("content-type") is None:
        call.body = await read_body(call.scope, call.receive, SMALL_BYTES)
        if not call.body:
            return
    check_media_type(call.header("content-type"), *spec.media)
    size = BATCH_BYTES if spec.size == "batch" else SMALL_BYTES
    call.body = call.body or await read_body(call.scope, call.receive, size)
    if _JSON in spec.media:
        check_depth(call.body)


def idempotency_key(scope: Scope) -> str:
    """The Idempotency-Key header.

    Raises:
        Problem: 400 where it is missing, sent twice, empty, too long or not visible ASCII.
    """
    found = [v for k, v in scope["headers"] if k == b"idempotency-key"]
    if not found:
        raise Problem("idempotency_key_required")
    key = found[0]
    if len(found) > 1 or not 1 <= len(key) <= KEY_MAX or not _VISIBLE.issuperset(key):
        raise Problem("invalid_idempotency_key")
    return key.decode("ascii")


def _undecided(call: Call[Any], error: LaneError) -> Problem:
    """What no outcome means: only a command that was sent may have been decided."""
    problem = problem_of(error)
    if problem.code == "outcome_unknown" and (call.spec.method == "GET" or call.client is _NOBODY):
        return Problem("database_unavailable", headers={"Retry-After": "2"})
    return problem


def _instance(call: Call[Any]) -> str:
    """What the problem is about: the same for a replay as for the first reply to a key."""
    if call.key:
        return f"urn:hylde:command:{call.fingerprint()}"
    return instance_of(call.scope)


_encode = msgspec.json.Encoder().encode


def reply(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON reply."""
    return Response(_encode(content), status, headers=headers)


def etag_of(content: bytes) -> str:
    """A strong ETag: a hash of the body."""
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def tagged(
    call: Call[Any],
    content: object,
    *,
    hashed: object = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A JSON reply with its ETag, or 304; `hashed` replaces the content in the hash."""
    body = _encode(content)
    tag = etag_of(body if hashed is None else _encode(hashed))
    found = call.header("if-none-match")
    every = {"ETag": tag, "Cache-Control": "no-cache", **(headers or {})}
    if found and (
        found.strip() == "*" or tag in [t.strip().removeprefix("W/") for t in found.split(",")]
    ):
        return Response(b"", NOT_MODIFIED, headers=every)
    return Response(body, headers=every)


def new_id(cell: int) -> str:
    """A UUIDv7 whose last 16 bits are the cell, so that ids route (architecture §3.5)."""
    value = (uuid_utils.uuid7().int & ~0xFFFF) | cell
    return str(uuid_utils.UUID(int=value))


def cell_of(identifier: str) -> int | None:
    """The cell in one of our ids; None where it is no such id."""
    try:
        value = uuid_utils.UUID(identifier)
    except ValueError:
        return None
    cell = value.int & 0xFFFF
    return cell if cell and len(identifier) == len("00000000-0000-0000-0000-000000000000") else None
