"""A reply on its way out, without what a small JSON reply does not need.

What Litestar's own response does for templates, cookies and background tasks costs more than all
the rest of such a request.
"""

from typing import Any

from litestar.types import Receive, Scope, Send

JSON = "application/json"
NOT_MODIFIED = 304


class Response:
    """Bytes with a status and headers; an ASGI application of its own.

    Header names and values are ASCII; `headers` may be added to until it is sent.
    """

    __slots__ = ("content", "headers", "media_type", "status_code")

    def __init__(
        self,
        content: bytes,
        status_code: int = 200,
        media_type: str = JSON,
        headers: dict[str, str] | None = None,
    ) -> None:
        """What is to be sent."""
        self.content = content
        self.status_code = status_code
        plain = media_type.startswith("text/") and "charset" not in media_type
        self.media_type = f"{media_type}; charset=utf-8" if plain else media_type
        self.headers = {} if headers is None else headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it."""
        raw = [
            (name.lower().encode("ascii"), value.encode("ascii"))
            for name, value in self.headers.items()
        ]
        if self.status_code != NOT_MODIFIED:
            raw.append((b"content-type", self.media_type.encode("ascii")))
            raw.append((b"content-length", b"%d" % len(self.content)))
        start: Any = {"type": "http.response.start", "status": self.status_code, "headers": raw}
        await send(start)
        await send({"type": "http.response.body", "body": self.content, "more_body": False})

    def to_asgi_response(self, **_: object) -> "Response":
        """As Litestar's exception layer asks for it."""
        return self
