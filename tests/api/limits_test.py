"""Limits, shedding, a database that is away: 429 and 503, told when to come back (contract §1)."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from service.access.rules import make_token
from service.app import ROUTERS, build_app
from service.db import Db
from service.settings import Settings
from service.web.auth import Client
from service.web.edge import Edge
from tests.conftest import Service

SPECS = [handler.spec for router in ROUTERS for handler in router]
GUARDED = [spec for spec in SPECS if spec.scopes is not None]
TOKEN, _ = make_token(bytes(range(38)))
ANSWER_SECONDS = 3.5
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"

HOLD = {"location": "aar", "lines": [{"sku": "K", "quantity": 1}]}
MOVE = {"movements": [{"location": "aar", "sku": "K", "kind": "received", "quantity": 1}]}
SALE = {
    "terminal": "aar-1", "sequence": 1, "kind": "sale", "occurred_at": "2026-11-21T10:12:00Z",
    "currency": "DKK",
    "lines": [{"line": 1, "sku": "K", "quantity": 1, "unit_price": 1, "paid": 1}],
}  # fmt: skip
BODIES = {
    "/v1/reservations": HOLD,
    "/v1/stock/movements": MOVE,
    "/v1/pos/receipts": {"receipts": [SALE]},
    "/v1/items/{sku:str}": {"name": "K"},
    "/v1/availability/query": {"skus": ["K"], "locations": ["aar"]},
}


class Away:
    """A service of its own, with a token that it knows already."""

    def __init__(self, edge: Edge, client: httpx.AsyncClient) -> None:
        self.kit = edge.app.state.kit  # type: ignore[attr-defined]
        self.client = client

    def know(self) -> None:
        """Let the token be known, so that requests come as far as their own work."""
        client = Client(1, "t", "k", frozenset(("admin",)), None, time.time() + 1e6)
        self.kit.tokens._known[TOKEN] = (time.monotonic() + 1e6, client)

    async def ask(self, spec: Any, **headers: str) -> httpx.Response:
        path = re.sub(r"\{\w+:str\}", "aar", spec.path)
        every = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k", **headers}
        body = BODIES.get(spec.path) if spec.takes is not None else None
        return await self.client.request(spec.method, path, headers=every, json=body)


@asynccontextmanager
async def away(db: Db, **settings: int) -> AsyncIterator[Away]:
    edge = build_app(Settings(**{"rate_limit": 0, **settings}), db)  # type: ignore[arg-type]
    await db.open()
    transport = httpx.ASGITransport(app=edge, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://hylde.test") as client:
        yield Away(edge, client)
    await db.close()


def of(path: str, method: str = "GET") -> Any:
    return next(spec for spec in SPECS if (spec.method, spec.path) == (method, path))


async def test_more_requests_than_the_limit_are_told_when_to_come_back():
    async with away(Db(NO_DATABASE), rate_limit=3) as service:
        service.know()
        replies = [await service.ask(of("/v1/items")) for _ in range(8)]
    refused = [reply for reply in replies if reply.status_code == 429]
    assert len(refused) >= 4
    for reply in refused:
        assert reply.json()["code"] == "rate_limited"
        assert reply.json()["retryable"] is True
        assert reply.headers["retry-after"] == "1"
        assert reply.headers["ratelimit"] == '"client";r=0;t=1'
    for reply in replies:
        assert reply.headers["ratelimit-policy"] == '"client";q=3;w=1'


async def test_one_clients_limit_is_not_anothers(service: Service):
    async with away(Db(service.db._dsn), rate_limit=2) as limited:
        for token in (await service.token("stock:read"), await service.token("stock:read")):
            headers = {"Authorization": f"Bearer {token}"}
            reply = await limited.client.get("/v1/items", headers=headers)
            assert reply.status_code == 200
            assert reply.headers["ratelimit"] == '"client";r=1;t=1'


async def test_reads_are_shed_first_and_tills_last():
    async with away(
        Db(NO_DATABASE), read_inflight=10, command_inflight=20, till_inflight=30
    ) as service:
        admitted = {}
        for under_way in (9, 19, 29, 39):
            service.kit.admission.under_way = under_way
            admitted[under_way] = [
                (await service.ask(spec)).json().get("code") != "overloaded"
                for spec in (
                    of("/v1/items"), of("/v1/reservations", "POST"),
                    of("/v1/pos/receipts", "POST"), of("/healthz"),
                )
            ]  # fmt: skip
            assert service.kit.admission.under_way == under_way
        refused = await service.ask(of("/v1/items"))
    assert admitted == {
        9: [True, True, True, True],
        19: [False, True, True, True],
        29: [False, False, True, True],
        39: [False, False, False, True],
    }
    assert refused.status_code == 503
    assert refused.headers["retry-after"]


@pytest.mark.parametrize("known", [False, True])
async def test_without_a_database_every_route_says_when_to_come_back(known: bool):  # noqa: FBT001
    async with away(Db(NO_DATABASE)) as service:
        if known:
            service.know()
        for spec in GUARDED:
            started = time.monotonic()
            reply = await service.ask(spec)
            assert time.monotonic() - started < ANSWER_SECONDS
            if known and 400 <= reply.status_code < 500:
                # refused before it asked anything: the path or the body cannot be right
                assert spec.takes is not None or "{" in spec.path
                continue
            assert reply.status_code == 503, (spec.path, reply.text)
            assert reply.json()["code"] == "database_unavailable"
            assert int(reply.headers["retry-after"]) >= 1
        for path in BODIES:
            method = "PUT" if "{" in path else "POST"
            assert (await service.ask(of(path, method))).status_code == 503
        assert (await service.ask(of("/healthz"))).status_code == 200
        assert (await service.ask(of("/readyz"))).status_code == 503


async def test_a_database_that_never_answers_hangs_nobody():
    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass

    async def timed(service: Away, spec: Any) -> tuple[float, httpx.Response]:
        started = time.monotonic()
        reply = await service.ask(spec)
        return time.monotonic() - started, reply

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asked = [of("/v1/items"), of("/v1/reservations", "POST"), of("/v1/pos/receipts", "POST")]
    async with away(Db(f"postgresql://nobody@127.0.0.1:{port}/none")) as service:
        cold = await asyncio.gather(*(timed(service, spec) for spec in asked * 10))
        service.know()
        warm = await asyncio.gather(*(timed(service, spec) for spec in asked * 10))
    server.close()
    for seconds, reply in [*cold, *warm]:
        assert seconds < ANSWER_SECONDS
        assert reply.status_code == 503
        assert reply.headers["retry-after"]
