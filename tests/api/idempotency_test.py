"""Idempotency-Key: one effect, the same reply, per client; refusals too (T11, F01-F07)."""

import asyncio
import json
import secrets
from typing import Any

import httpx
import pytest

from tests.conftest import Service

HOLDS = "/v1/reservations"
MOVES = "/v1/stock/movements"
BOTH = pytest.mark.parametrize("path", [HOLDS, MOVES])


class World:
    """A place with 100 units of an item, and the two requests that need a key."""

    def __init__(self, service: Service, location: str, sku: str) -> None:
        self.service = service
        self.location = location
        self.sku = sku

    def body(self, path: str, quantity: int = 1) -> dict[str, Any]:
        if path == HOLDS:
            lines = [{"sku": self.sku, "quantity": quantity}]
            return {"location": self.location, "lines": lines}
        entry = {"location": self.location, "sku": self.sku, "kind": "received"}
        return {"movements": [{**entry, "quantity": quantity}]}

    async def effects(self, path: str) -> int:
        """How often it happened: units held, or units that came in."""
        level = (await self.service.get(f"/v1/stock/{self.location}/{self.sku}")).json()
        return int(level["reserved"] if path == HOLDS else level["sellable"] - 100)


@pytest.fixture
async def world(service: Service) -> World:
    location, sku = await service.place(), await service.item()
    await service.receive(location, sku, 100)
    return World(service, location, sku)


def same(first: httpx.Response, second: httpx.Response) -> None:
    """A replay: byte by byte the first reply, and marked as one."""
    assert second.status_code == first.status_code
    assert second.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


def done(reply: httpx.Response) -> bool:
    return reply.status_code in (200, 201)


@BOTH
async def test_without_a_usable_key_nothing_happens(world: World, path: str):
    service, body = world.service, world.body(path)
    missing = await service.post(path, body, key="")
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_required")
    for key in ("a" * 256, "with blank", "tab\t", "\x7f", "k\u00e9y".encode(), "ключ".encode(), ""):
        headers = [("Authorization", f"Bearer {service.default}"), ("Idempotency-Key", key)]
        reply = await service.client.post(path, headers=headers, json=body)  # type: ignore[arg-type]
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_idempotency_key"), key
    twice = [("Authorization", f"Bearer {service.default}"), *[("Idempotency-Key", "k")] * 2]
    reply = await service.client.post(path, headers=twice, json=body)
    assert reply.json()["code"] == "invalid_idempotency_key"
    assert await world.effects(path) == 0


@BOTH
@pytest.mark.parametrize(
    "key", ["k", "a" * 255, "~tilde", '"quoted"', "!#$%&'()*+,-./:;<=>?@[]^`{|}"]
)
async def test_the_same_request_again_gets_the_same_reply(world: World, path: str, key: str):
    token = await world.service.token("admin")
    first, *again = [
        await world.service.post(path, world.body(path), key=key, token=token) for _ in range(4)
    ]
    assert done(first), first.text
    for reply in again:
        same(first, reply)
    assert await world.effects(path) == 1


@BOTH
async def test_fifty_at_once_have_one_effect_and_one_reply(world: World, path: str):
    key, body = secrets.token_hex(8), world.body(path)
    replies = await asyncio.gather(*(world.service.post(path, body, key=key) for _ in range(50)))
    assert {reply.status_code for reply in replies} <= {200, 201}
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    assert await world.effects(path) == 1


@BOTH
async def test_another_request_under_a_used_key_is_refused(world: World, path: str):
    service, key = world.service, secrets.token_hex(8)
    first = await service.post(path, world.body(path), key=key)
    assert done(first)
    other_path = MOVES if path == HOLDS else HOLDS
    respelt = json.dumps(world.body(path), indent=1).encode()
    for reply in (
        await service.post(path, world.body(path, 2), key=key),
        await service.post(other_path, world.body(other_path), key=key),
        await service.post(
            path, key=key, content=respelt, headers={"Content-Type": "application/json"}
        ),
    ):
        assert (reply.status_code, reply.json()["code"]) == (422, "idempotency_key_reused")
        assert "idempotent-replayed" not in reply.headers
    same(first, await service.post(path, world.body(path), key=key))
    assert await world.effects(path) == 1
    assert await world.effects(other_path) == 0


@BOTH
async def test_another_request_at_the_same_moment_is_refused(world: World, path: str):
    key = secrets.token_hex(8)
    replies = await asyncio.gather(
        *(world.service.post(path, world.body(path, n % 2 + 1), key=key) for n in range(20))
    )
    assert sum(reply.status_code == 422 for reply in replies) == 10
    assert len({reply.content for reply in replies if done(reply)}) == 1
    assert await world.effects(path) in (1, 2)


@BOTH
async def test_the_same_key_of_another_client_is_another_key(world: World, path: str):
    service, key = world.service, secrets.token_hex(8)
    tokens = [await service.token("admin") for _ in range(3)]
    for token in tokens:
        reply = await service.post(path, world.body(path), key=key, token=token)
        assert done(reply)
        assert "idempotent-replayed" not in reply.headers
    assert await world.effects(path) == 3


async def test_what_was_refused_stays_refused(world: World):
    """Also when it could be done by now: the key stands for what was decided."""
    service, key = world.service, secrets.token_hex(8)
    first = await service.post(HOLDS, world.body(HOLDS, 101), key=key)
    assert first.status_code == 409
    await service.receive(world.location, world.sku, 50)
    same(first, await service.post(HOLDS, world.body(HOLDS, 101), key=key))
    body = {**world.body(HOLDS), "lines": [{"sku": "none-such", "quantity": 1}]}
    first = await service.post(HOLDS, body, key="unknown-" + key)
    assert first.status_code == 422
    same(first, await service.post(HOLDS, body, key="unknown-" + key))
    assert await world.effects(HOLDS) == 0


async def test_an_action_without_a_body_is_replayed_alike(world: World):
    service, key = world.service, secrets.token_hex(8)
    held = await service.post(HOLDS, world.body(HOLDS))
    path = f"{HOLDS}/{held.json()['id']}"
    for action in ("extend", "release"):
        first = await service.post(f"{path}/{action}", key=f"{action}-{key}")
        assert first.status_code == 200
        same(first, await service.post(f"{path}/{action}", key=f"{action}-{key}"))
    refused = await service.post(f"{path}/extend", key=f"late-{key}")
    assert refused.status_code == 409
    same(refused, await service.post(f"{path}/extend", key=f"late-{key}"))


@BOTH
async def test_what_never_reached_the_book_is_not_remembered(world: World, path: str):
    service, key, body = world.service, secrets.token_hex(8), world.body(path)
    name = f"client-{secrets.token_hex(4)}"
    good = await service.token("admin", name=name)
    poor = await service.token("catalog:write", name=name)
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    statuses = [
        (await service.post(path, {"zz": 1}, key=key, token=good)).status_code,
        (await service.post(path, body, key=key, token=wrong)).status_code,
        (await service.post(path, body, key=key, token=poor)).status_code,
        (await service.post(path, key=key, token=good, content=b" " * 6_000_000,
                            headers={"Content-Type": "application/json"})).status_code,
        (await service.post(path, key=key, token=good, content=b"{}",
                            headers={"Content-Type": "text/plain"})).status_code,
    ]  # fmt: skip
    assert statuses == [400, 401, 403, 413, 415]
    first = await service.post(path, body, key=key, token=good)
    assert done(first), first.text
    assert "idempotent-replayed" not in first.headers
    assert await world.effects(path) == 1


async def test_too_many_holds_are_not_remembered(world: World):
    service, key = world.service, secrets.token_hex(8)
    body = {**world.body(HOLDS), "customer": f"c-{key}"}
    held = [await service.post(HOLDS, body) for _ in range(5)]
    refused = await service.post(HOLDS, body, key=key)
    assert refused.status_code == 429
    assert refused.headers["retry-after"]
    await service.post(f"{HOLDS}/{held[0].json()['id']}/release")
    assert (await service.post(HOLDS, body, key=key)).status_code == 201
