"""The contract as OpenAPI 3.1, made from what the routes declare of themselves.

Nothing is written twice: paths, bodies, bounds, scopes and refusals come from each route's Spec and
its Structs, the words for refusals from the closed list of outcomes.
"""

import re
from inspect import cleandoc
from typing import Any, Final

import msgspec
import yaml

from service.outcomes import REFUSALS
from service.web.problems import PROBLEM_TYPE, FieldProblem
from service.web.route import KEY_MAX, Spec

Json = dict[str, Any]
_REF: Final = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)(:\w+)?\}")
# what Python's patterns say in their own way; ECMA 262, which JSON Schema names, has other words
_ECMA: Final = ((r"\A", "^"), (r"\Z", "$"), (r"(?!\n)$", "$"))
_PATH_SCHEMAS: Final[dict[str, Json]] = {
    "location": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$"},
    "sku": {"type": "string", "minLength": 1, "maxLength": 64},
    "terminal": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"},
}
# refusals that a route can give because of what it is, not of what it does
_OF_EVERY: Final = (
    "invalid_request",
    "invalid_path",
    "uri_too_long",
    "header_too_large",
    "internal_error",
    "overloaded",
    "closing",
)
_OF_TOKEN: Final = ("unauthenticated", "forbidden_scope", "rate_limited", "database_unavailable")
_OF_BODY: Final = (
    "incomplete_body",
    "request_timeout",
    "body_too_large",
    "unsupported_media_type",
)
_OF_JSON: Final = ("invalid_json", "invalid_encoding", "too_deep")
_OF_KEY: Final = ("idempotency_key_required", "invalid_idempotency_key", "idempotency_key_reused")
_OF_CHANGE: Final = ("outcome_unknown",)
_MEANINGS: Final = {
    200: "Done.",
    201: "Made.",
    304: "Not changed since the ETag.",
    503: "Not ready.",
}
_ABOUT: Final = """\
One stock truth for a retailer with shops, a webshop and an app.

Quantities are whole numbers of base units, money whole numbers of minor units with a currency,
times RFC 3339. Every refusal is `application/problem+json` with a stable `code`. A `POST` that
changes something takes an `Idempotency-Key`: the same key with the same body gives the same answer,
with `Idempotent-Replayed: true`."""


def document(app: Any) -> Json:  # noqa: ANN401 - the Litestar app, or what is wrapped around it
    """The whole description of an app whose handlers carry their Specs in `opt["specs"]`."""
    specs = specs_of(app)
    names = _Names(specs)
    paths: Json = {}
    refusals: Json = {}
    for spec in specs:
        path = _PARAMETER.sub(r"{\1}", spec.path)
        paths.setdefault(path, {})[spec.method.lower()] = _operation(spec, names, refusals)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hylde", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/", "description": "This service"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(spec.tag for spec in specs)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A client's token: `hylde keys create`.",
                }
            },
            "headers": _HEADERS,
            "responses": refusals,
            "schemas": names.components(),
        },
    }


def specs_of(app: Any) -> list[Spec]:  # noqa: ANN401 - as document
    """The Spec of every route that is part of the contract, in the order of the routers."""
    found = {
        spec: None
        for route in getattr(app, "app", app).routes
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]
        for spec in handler.opt.get("specs", ())
    }
    return [spec for spec in found if not spec.path.startswith("/docs")]


def as_yaml(described: Json) -> str:
    """The document as text; the same document gives the same text."""
    return yaml.dump(
        described, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )


class _Dumper(yaml.SafeDumper):
    """Without anchors: a schema that stands twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        """Never an alias."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Several lines as they are read."""
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Dumper.add_representer(str, _text)


def given(spec: Spec) -> dict[int, Any]:
    """The type of the reply with each status."""
    kinds = spec.gives if isinstance(spec.gives, tuple) else [spec.gives] * len(spec.statuses)
    return dict(zip(spec.statuses, kinds, strict=True))


class _Names:
    """The schemas of all Structs, and references to them."""

    def __init__(self, specs: list[Spec]) -> None:
        """Gather what the routes take, give and ask for."""
        kinds = [
            kind
            for spec in specs
            for kind in (spec.takes, *given(spec).values())
            if kind is not None
        ]
        self._kinds = list(dict.fromkeys([*kinds, FieldProblem]))
        schemas, self._components = msgspec.json.schema_components(self._kinds, ref_template=_REF)
        self._schemas = {id(k): _ecma(s) for k, s in zip(self._kinds, schemas, strict=True)}

    def of(self, kind: Any) -> Json:  # noqa: ANN401 - any type that msgspec knows
        """The schema of a type, mostly a reference."""
        found: Json = self._schemas[id(kind)]
        return found

    def components(self) -> Json:
        """All schemas by name, the problem among them."""
        return {"Problem": _problem(self.of(FieldProblem)), **_ecma(self._components)}


def _ecma(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """The same schema with patterns as JSON Schema writes them."""
    if isinstance(schema, list | tuple):
        return [_ecma(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _ecma(value) for key, value in schema.items()}
    if isinstance(pattern := made.get("pattern"), str):
        for python, ecma in _ECMA:
            pattern = pattern.replace(python, ecma)
        made["pattern"] = pattern
    return made


def _problem(field: Json) -> Json:
    return {
        "title": "Problem",
        "description": "Every refusal (RFC 9457).",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "description": "Stable; programs decide by it."},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "errors": {"type": "array", "items": field},
            "retryable": {"type": "boolean", "default": False},
            "alternatives": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["type", "title", "status", "code", "detail"],
    }


_HEADERS: Final[Json] = {
    "Request-Id": {"schema": {"type": "string"}, "description": "Names this request in the log."},
    "ETag": {"schema": {"type": "string"}, "description": "A hash of the content."},
    "Link": {"schema": {"type": "string"}, "description": 'The next page, as rel="next".'},
    "Idempotent-Replayed": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "This was decided before, for the same key.",
    },
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."},
    "WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer."},
    "RateLimit": {"schema": {"type": "string"}, "description": "What is left of the limit."},
}


def _operation(spec: Spec, names: _Names, refusals: Json) -> Json:
    scoped = spec.scopes
    about = [cleandoc(spec.description)]
    if scoped:
        about.append("Scope: " + " or ".join(f"`{scope}`" for scope in scoped) + ".")
    elif scoped is None:
        about.append("Needs no token.")
    made: Json = {
        "operationId": spec.name,
        "summary": spec.summary,
        "description": "\n\n".join(part for part in about if part),
        "tags": [spec.tag],
        "security": [{"token": [scope]} for scope in scoped] if scoped else [],
    }
    if parameters := _parameters(spec):
        made["parameters"] = parameters
    if spec.takes is not None:
        made["requestBody"] = _body(spec, names)
    made["responses"] = _responses(spec, names, refusals)
    return made


def _parameters(spec: Spec) -> list[Json]:
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _PATH_SCHEMAS.get(name, {"type": "string"}),
        }
        for name, _ in _PARAMETER.findall(spec.path)
    ]
    if spec.query is not None:
        found += _query(spec.query)
    if spec.keyed:
        found.append(
            _header(
                "Idempotency-Key",
                "A new one for each new request.",
                {"minLength": 1, "maxLength": KEY_MAX, "pattern": r"^[\x21-\x7e]+$"},
                required=True,
            )
        )
    if spec.etag and spec.method == "GET":
        found.append(_header("If-None-Match", "The ETag of what is known: 304 while it holds."))
    if "precondition_failed" in spec.refuses:
        found.append(_header("If-Match", "The ETag of what was read: 412 once it changed."))
        found.append(_header("If-None-Match", "`*`: only if there is none yet, else 412."))
    return found


def _header(name: str, about: str, schema: Json | None = None, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": about,
        "schema": {"type": "string", **(schema or {})},
    }


def _query(kind: type[msgspec.Struct]) -> list[Json]:
    _, components = msgspec.json.schema_components([kind], ref_template=_REF)
    schema = _ecma(components[kind.__name__])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _without_null(of),
        }
        for name, of in schema["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """A query parameter is there or not; it is never null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {k: v for k, v in schema.items() if k != "anyOf" and (k, v) != ("default", None)}
    if len(kinds) == 1:
        return {**kinds[0], **rest}
    if "enum" in rest:
        rest["enum"] = [value for value in rest["enum"] if value is not None]
    return {"anyOf": kinds, **rest} if kinds else rest


def _body(spec: Spec, names: _Names) -> Json:
    schemas = dict.fromkeys(spec.media, names.of(spec.takes))
    if spec.size == "stream":
        schemas = {media: _lines(media, schemas[media]) for media in spec.media}
    return {
        "required": not spec.body_optional,
        "content": {media: {"schema": schema} for media, schema in schemas.items()},
    }


def _lines(media: str, line: Json) -> Json:
    """A body that is read as it comes, line by line, without an end to its size."""
    if media == "text/csv":
        return {"type": "string", "description": "A header of field names, then a line for each."}
    return {"type": "string", "description": "One JSON object a line.", "contentSchema": line}


def _responses(spec: Spec, names: _Names, refusals: Json) -> Json:
    """What a route answers; a refusal that several routes share stands once, among `refusals`."""
    found: dict[int, Json] = {}
    for status in spec.statuses:
        made: Json = {"description": _MEANINGS.get(status, "Done."), "headers": _told(spec)}
        if (kind := given(spec)[status]) is not None:
            made["content"] = {"application/json": {"schema": names.of(kind)}}
        found[status] = made
    if spec.etag and spec.method == "GET":
        found[304] = {"description": _MEANINGS[304], "headers": _told(spec)}
    by_status: dict[int, list[str]] = {}
    for code in refusals_of(spec):
        by_status.setdefault(REFUSALS[code].status, []).append(code)
    for status, codes in by_status.items():
        name = ".".join(codes)
        refusals[name] = _refusal(status, codes)
        found[status] = {"$ref": f"#/components/responses/{name}"}
    return {str(status): found[status] for status in sorted(found)}


def refusals_of(spec: Spec) -> list[str]:
    """Every code that a route can refuse with: its own, and those of its kind."""
    codes = list(spec.refuses)
    if spec.scopes is not None:
        codes += _OF_TOKEN
        if "{location" in spec.path:
            codes.append("forbidden_location")
    if spec.takes is not None:
        codes += _OF_BODY
        if "application/json" in spec.media:
            codes += _OF_JSON
    if spec.keyed:
        codes += _OF_KEY
    if spec.method != "GET" and spec.scopes is not None:
        codes += _OF_CHANGE
    return list(dict.fromkeys([*codes, *_OF_EVERY]))


def _told(spec: Spec) -> Json:
    names = ["Request-Id"]
    if spec.scopes is not None:
        names.append("RateLimit")
    if spec.etag:
        names.append("ETag")
    if spec.keyed:
        names.append("Idempotent-Replayed")
    if spec.query is not None and "cursor" in spec.query.__struct_fields__:
        names.append("Link")
    return _headers(names)


def _headers(names: list[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refusal(status: int, codes: list[str]) -> Json:
    names = ["Request-Id"]
    if any(REFUSALS[code].retryable for code in codes):
        names.append("Retry-After")
    if status == 401:  # noqa: PLR2004 - the status itself
        names.append("WWW-Authenticate")
    only = {"properties": {"code": {"enum": codes}, "status": {"const": status}}}
    return {
        "description": "\n".join(f"- `{code}`: {_sentence(code)}" for code in codes),
        "headers": _headers(names),
        "content": {
            PROBLEM_TYPE: {"schema": {"allOf": [{"$ref": _REF.format(name="Problem")}, only]}}
        },
    }


def _sentence(code: str) -> str:
    refusal = REFUSALS[code]
    return f"{refusal.title}." + (f" {refusal.advice}" if refusal.advice else "")
