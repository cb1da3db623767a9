"""The contract for people and programs: /openapi.yaml, and /docs, which renders it.

The page is Swagger UI from its own package, served by us: nothing comes from third parties, and no
script stands in the page itself, so its policy needs no exception.
"""

import asyncio
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from service.web.openapi import as_yaml, document
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, etag_of

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hylde API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="reference"><noscript>The contract as text: <a href="/openapi.yaml">openapi.yaml</a>
</noscript></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = """\
window.ui = SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"""
_FILES: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}


@endpoint("GET", "/openapi.yaml", summary="The contract", shed="read", etag=True, tag="service")
async def openapi_yaml(call: Call[Any]) -> Response:
    """This description, OpenAPI 3.1."""
    made: bytes | None = getattr(call.state, "openapi", None)
    if made is None:
        # half a second of work, once a process, and not in the way of others
        made = await asyncio.to_thread(
            lambda: as_yaml(document(call.scope["litestar_app"])).encode()
        )
        call.state.openapi = made
    return _file(call, made, "application/yaml")


@endpoint("GET", "/docs", summary="The contract, rendered", shed="read", tag="service")
async def docs(call: Call[Any]) -> Response:
    """The API reference as a page."""
    return _file(call, _PAGE.encode(), "text/html")


@endpoint("GET", "/docs/{name:str}", summary="A part of the page", shed="read", tag="service")
async def docs_file(call: Call[Any]) -> Response:
    """Script, style and icon of the page."""
    name = call.path("name")
    if name == "start.js":
        return _file(call, _START.encode(), "text/javascript")
    if name not in _FILES:
        raise Problem("not_found")
    return _file(call, await asyncio.to_thread(_packaged, name), _FILES[name])


@cache
def _packaged(name: str) -> bytes:
    """A file of the package, found without importing it."""
    package = find_spec("swagger_ui")
    if package is None or not package.submodule_search_locations:
        raise Problem("not_found")
    return (Path(package.submodule_search_locations[0]) / "static" / name).read_bytes()


def _file(call: Call[Any], content: bytes, media: str) -> Response:
    """A file that a browser may keep, and must ask about."""
    tag = etag_of(content)
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if call.header("if-none-match") == tag:
        return Response(content=b"", status_code=304, headers=headers, media_type=media)
    return Response(content=content, headers=headers, media_type=media)


ROUTES = (openapi_yaml, docs, docs_file)
