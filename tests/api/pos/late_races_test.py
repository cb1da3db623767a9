"""Sales, returns and voids that cross each other through two processes; two sweeps at once."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from service.app import build_app
from service.db import Db
from service.exceptions.jobs import replay_mapped
from service.lanes import LaneError
from service.settings import Settings

Till = Any


@pytest_asyncio.fixture
async def other(database: tuple[str, str], till: Till) -> AsyncIterator[Till]:
    """A second till of the same shop, served by a second process (a pool and lanes of its own)."""
    db = Db(database[1])
    await db.open()
    app = build_app(Settings(rate_limit=0), db)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hylde.test") as client:
        service = type(till.service)(client, db, till.service.owner)
        made = type(till)(service, till.place, till.sku, till.gtin)
        made.terminal = f"{till.place}-2"
        reply = await service.put(f"/v1/pos/terminals/{made.terminal}", {"location": till.place})
        assert reply.status_code == 201, reply.text
        yield made
    await db.close()


async def told(till: Till, *receipts: dict[str, Any]) -> None:
    """Sent until it is taken, as a till does."""
    for _ in range(20):
        reply = await till.service.post("/v1/pos/receipts", {"receipts": list(receipts)}, key="")
        if reply.status_code == 200:
            assert reply.json()["refused"] == 0, reply.text
            return
        assert reply.status_code in (409, 503), reply.text
        await asyncio.sleep(0.05)
    raise AssertionError(reply.text)


async def test_returns_at_another_till_cross_their_sales_and_voids(till: Till, other: Till) -> None:
    work = []
    for number in range(1, 31):
        ref = {"terminal": till.terminal, "sequence": number, "line": 1}
        line = {"gtin": till.gtin, "quantity": -2, "sale": ref, "resaleable": True}
        work.append((till, till.sale(number, 3)))
        work.append((other, other.receipt(number, line, kind="return")))
        work.append((other, other.receipt(100 + number, line, kind="return")))
        if number % 3 == 0:
            work.append((other, other.void(200 + number, number)))
        if number % 5 == 0:
            work.append((till, till.void(200 + number, number)))
    random.Random(till.terminal).shuffle(work)
    await asyncio.gather(*(told(through, receipt) for through, receipt in work))
    # by how many of their returns and sales were voided: of 16 none, of 8 a return, of 4 the sale,
    # of 2 both; what a voided sale has no room for is in quarantine and looked at
    assert await till.level() == -8
    assert await till.level("quarantine") == 16 * 1 + 4 * 4 + 2 * 2
    surplus = await till.exceptions(kind="over_return", state="open", limit="200")
    assert len(surplus) == 16 * 1 + 4 * 2 + 2 * 1


async def test_two_sweeps_at_once_post_each_line_once(till: Till, other: Till) -> None:
    gtin = till.new_gtin()
    await told(till, *(till.receipt(n, {"gtin": gtin, "quantity": 1}) for n in range(1, 61)))
    await told(other, *(other.receipt(n, {"gtin": gtin, "quantity": 1}) for n in range(1, 61)))
    body = {"name": "known now", "gtins": [till.gtin, gtin]}
    assert (await till.service.put(f"/v1/items/{till.sku}", body)).status_code == 200
    sweeps = [replay_mapped(each.service.db) for each in (till, other, till, other)]
    done = await asyncio.gather(*sweeps, return_exceptions=True)
    assert all(isinstance(found, int | LaneError) for found in done), done
    await replay_mapped(till.service.db)
    assert await till.level() == -120
    assert await till.exceptions(kind="unmapped", state="open") == []


async def test_of_two_words_on_one_matter_one_counts(till: Till, other: Till) -> None:
    await told(till, till.sale(1), till.receipt(2, {"gtin": till.new_gtin(), "quantity": 3}))
    await told(till, {**till.sale(1), "customer": "another"})
    for kind, action in (("unmapped", "map"), ("conflict", "reject")):
        (found,) = await till.exceptions(kind=kind, state="open")
        path = f"/v1/pos/exceptions/{found['id']}/resolve"
        body = {"action": action, "sku": till.sku}
        words = [each.service.post(path, body) for each in (till, other)]
        statuses = sorted(reply.status_code for reply in await asyncio.gather(*words))
        assert statuses == [200, 409], kind
    assert await till.level() == -4
