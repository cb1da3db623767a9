"""Every refusal is a problem with an id; nothing that is secret is told or logged (contract §1)."""

import re
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.app import build_app
from service.outcomes import REFUSALS
from service.settings import Settings
from service.web.problems import Problem
from tests.conftest import Service

SECRET = "w0rdOfAClient"  # noqa: S105 - it stands for any
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/items", 404),
        ("POST", f"/v1/{SECRET}", 404),
        ("GET", "/v1/items/none-such", 404),
        ("DELETE", "/v1/items", 405),
        ("PATCH", "/v1/items/K", 405),
        ("POST", "/healthz", 405),
    ],
)
async def test_unknown_routes_and_methods_are_problems(
    service: Service, method: str, path: str, status: int
):
    reply = await service.call(method, path)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert body["status"] == status
    assert body["type"] == f"urn:hylde:problem:{body['code']}"
    assert body["instance"] == f"urn:hylde:request:{reply.headers['request-id']}"
    assert SECRET not in reply.text
    assert ("allow" in reply.headers) == (status == 405)


async def test_a_request_keeps_a_decent_id_and_gets_one_otherwise(service: Service):
    kept = await service.get("/v1/items", headers={"Request-Id": "shop-7.order_12345"})
    assert kept.headers["request-id"] == "shop-7.order_12345"
    for odd in ("short", "a" * 65, "with blank", "semi;colon", "'; drop --", ""):
        reply = await service.get("/v1/items", headers={"Request-Id": odd})
        assert UUID.fullmatch(reply.headers["request-id"])
    for path in ("/healthz", "/nowhere", "/openapi.yaml"):
        assert UUID.fullmatch((await service.get(path)).headers["request-id"])


async def test_a_request_is_one_line_without_its_body_query_or_token(service: Service):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with capture_logs() as lines:
        await service.put(
            "/v1/items/K-log", {"name": SECRET},
            headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
        )  # fmt: skip
        await service.get(f"/v1/items?query={SECRET}")
        await service.get(f"/v1/{SECRET}?{SECRET}={SECRET}")
        await service.put("/v1/items/K-log", {SECRET: 1})
        await service.get("/healthz")
    assert [line["event"] for line in lines] == ["request"] * 4
    assert [(line["route"], line["status"]) for line in lines] == [
        ("put_item", 201), ("list_items", 200), ("none", 404), ("put_item", 400),
    ]  # fmt: skip
    assert lines[0]["trace_id"] == trace
    assert "trace_id" not in lines[1]
    assert SECRET not in str(lines)
    assert service.default not in str(lines)


class Broken:
    """A database whose every use is a bug of ours."""

    cells: dict[str, int] = {}  # noqa: RUF012

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(SECRET)


async def test_a_bug_is_500_without_its_words(service: Service):
    edge = build_app(Settings(rate_limit=0), service.db)
    token = await service.token("admin")
    edge.app.state.db = Broken()  # type: ignore[attr-defined]
    service_client = service.client._transport.app  # type: ignore[attr-defined]
    service.client._transport.app = edge  # type: ignore[attr-defined]
    try:
        with capture_logs() as lines:
            reply = await service.get("/v1/items", token=token)
    finally:
        service.client._transport.app = service_client  # type: ignore[attr-defined]
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["code"] == "internal_error"
    assert UUID.fullmatch(reply.headers["request-id"])
    for word in (SECRET, "Traceback", "RuntimeError", ".py"):
        assert word not in reply.text
    assert [line["event"] for line in lines] == ["unforeseen", "request"]
    assert lines[0]["request_id"] == reply.headers["request-id"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_says_what_it_is_and_when_to_come_back(code: str):
    problem = Problem(code)
    refusal = REFUSALS[code]
    assert refusal.title
    assert 400 <= refusal.status < 600
    assert len(problem.body()) < 600
    if refusal.status in (429, 503):
        assert problem.all_headers()["Retry-After"]
        assert refusal.retryable
