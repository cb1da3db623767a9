"""Problem replies (RFC 9457): the one shape of every refusal, from the closed list of outcomes."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.types import Scope

from service.lanes import CommandBroken, LaneError, NotStarted, OutcomeUnknown
from service.outcomes import REFUSALS
from service.web.reply import Response

PROBLEM_TYPE = "application/problem+json"
_NOT_STARTED = {
    "the service is closing": "closing",
    "too much is waiting": "overloaded",
    "waited too long in the queue": "overloaded",
}


class FieldProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with one field: a JSON pointer, a stable code, a sentence."""

    pointer: str
    code: str
    detail: str | None = None
    location: str | None = None
    sku: str | None = None
    requested: int | None = None
    available: int | None = None


class Problem(Exception):  # noqa: N818 - a reply, not a failure of ours
    """A refusal on its way to the client. `code` must be in outcomes.REFUSALS."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: list[FieldProblem] | None = None,
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Keep the parts; the status and title come from the list."""
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.extra = extra or {}

    def body(self, instance: str | None = None) -> bytes:
        """The reply's bytes; the same for the same refusal."""
        refusal = REFUSALS[self.code]
        content: dict[str, Any] = {
            "type": f"urn:hylde:problem:{self.code}",
            "title": refusal.title,
            "status": refusal.status,
            "code": self.code,
            "detail": " ".join(part for part in (self.detail, refusal.advice) if part)
            or refusal.title,
        }
        if instance:
            content["instance"] = instance
        if self.errors:
            content["errors"] = self.errors
        if refusal.retryable:
            content["retryable"] = True
        content.update(self.extra)
        return msgspec.json.encode(content)

    def all_headers(self) -> dict[str, str]:
        """The reply's own headers, with Retry-After where waiting helps."""
        refusal = REFUSALS[self.code]
        headers = dict(self.headers)
        if refusal.retryable and refusal.status in (408, 409, 429, 503):
            headers.setdefault("Retry-After", "1")
        if refusal.status == 401:  # noqa: PLR2004 - the status itself
            headers.setdefault("WWW-Authenticate", "Bearer")
        return headers

    def response(self, instance: str | None = None) -> Response:
        """The reply."""
        return Response(
            content=self.body(instance),
            status_code=REFUSALS[self.code].status,
            media_type=PROBLEM_TYPE,
            headers=self.all_headers(),
        )


def instance_of(scope: Scope) -> str:
    """What a problem is about: this one request."""
    return f"urn:hylde:request:{scope.get('request_id', '')}"


def problem_of(error: LaneError) -> Problem:
    """What a command without an outcome is told (reliability.md §5, error → answer)."""
    if isinstance(error, OutcomeUnknown):
        return Problem("outcome_unknown")
    if isinstance(error, NotStarted):
        code = _NOT_STARTED.get(str(error), "database_unavailable")
        return Problem(code, headers={"Retry-After": "2"} if code == "database_unavailable" else {})
    if isinstance(error, CommandBroken) and error.transient:
        return Problem("overloaded")
    if isinstance(error, CommandBroken) and (error.code or "").startswith("22"):
        return Problem("invalid_value")
    return Problem("internal_error")


def problem_of_fields(found: Sequence[tuple[str, str, str]]) -> Problem:
    """422 for what a body gets wrong in itself: (pointer, code, detail) each, told all at once."""
    code = found[0][1]
    errors = [FieldProblem(*problem) for problem in found]
    return Problem(code if code in REFUSALS else "invalid_value", found[0][2], errors=errors)
