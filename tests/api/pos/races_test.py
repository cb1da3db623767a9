"""Tills that send at once, twice, and through two processes (I8, I9, T7)."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from service.app import build_app
from service.db import Db
from service.settings import Settings

Till = Any


@pytest_asyncio.fixture
async def other(database: tuple[str, str], till: Till) -> AsyncIterator[Till]:
    """The same till, served by a second process (a pool and lanes of its own)."""
    db = Db(database[1])
    await db.open()
    app = build_app(Settings(rate_limit=0), db)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hylde.test") as client:
        service = type(till.service)(client, db, till.service.owner)
        yield type(till)(service, till.place, till.sku, till.gtin)
    await db.close()


async def test_two_processes_that_get_the_same_receipts_post_each_once(
    till: Till, other: Till
) -> None:
    sales = [till.sale(n, n) for n in range(1, 41)]
    voids = [till.void(100 + n, n) for n in range(1, 41, 2)]
    shuffled = random.Random(till.terminal)
    work = []
    for through in (till, other) * 2:
        sent = [*sales, *voids]
        shuffled.shuffle(sent)
        work += [through.post(*sent[start : start + 10]) for start in range(0, len(sent), 10)]
    replies = await asyncio.gather(*work)
    assert sum(reply["refused"] for reply in replies) == 0
    assert await till.level() == -sum(range(2, 41, 2))
    entries = await till.entries()
    assert sum(1 for entry in entries if entry["kind"] == "sale") == 40
    assert sum(1 for entry in entries if entry["kind"] == "void") == 20


async def test_a_request_is_one_call_of_the_database(till: Till) -> None:
    await till.post(till.sale(1))
    before = till.service.db.calls
    await till.post(*(till.sale(n) for n in range(2, 102)))
    assert till.service.db.calls - before == 1


async def test_many_tills_at_once_share_calls(till: Till) -> None:
    await till.post(till.sale(1))
    before = till.service.db.calls
    await asyncio.gather(*(till.post(till.sale(n)) for n in range(2, 66)))
    assert till.service.db.calls - before < 20
    assert await till.level() == -65
