"""A shop that sells while it is counted: nothing is lost, whoever comes first (R19, I12)."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.counts.commands import tend
from tests.api.counts.conftest import Session, opened

Shelf = Any  # the one of conftest
ITEMS = 6


async def submitted(
    shelf: Shelf, skus: list[str], counted: dict[str, int], at: datetime
) -> Session:
    """A session in which every item was counted at one moment, and is handed in."""
    count = await opened(shelf)
    scans = [
        {"sku": sku, "quantity": counted[sku], "counted_at": at.isoformat(), "employee": "anna"}
        for sku in skus
    ]
    await count.done("scans", {"scans": scans})
    await count.close()
    await count.done("submit")
    return count


@pytest.mark.parametrize("seed", range(4))
async def test_counts_sales_and_jobs_at_once_end_as_one_after_the_other(
    stocked: Shelf, seed: int
) -> None:
    """Two sessions count the same items a while apart; sales of before, between and after come in
    any order, beside them. The book ends with what the last count found, less what was sold since.
    """
    rng = random.Random(seed)
    service, place = stocked.service, stocked.location
    # the last of them are new here: their levels are made on the way
    skus = [stocked.sku, *[await service.item() for _ in range(ITEMS - 1)]]
    now = datetime.now(UTC)
    first, second = now - timedelta(minutes=40), now - timedelta(minutes=20)
    counted = [{sku: rng.randint(5, 30) for sku in skus} for _ in range(2)]
    counts = [
        await submitted(stocked, skus, counted[0], first),
        await submitted(stocked, skus, counted[1], second),
    ]
    tills = [f"{place}-{number}" for number in range(3)]
    for till in tills:
        await service.put(f"/v1/pos/terminals/{till}", {"location": place})
    left = dict(counted[1])
    receipts = []
    for number in range(1, 31):
        sku, minutes = rng.choice(skus), rng.choice((55, 30, 10))
        quantity = rng.randint(1, 2)
        left[sku] -= quantity if minutes == 10 else 0
        at = now - timedelta(minutes=minutes, seconds=rng.randint(0, 60))
        receipts.append({
            "terminal": rng.choice(tills), "sequence": number, "kind": "sale", "currency": "DKK",
            "occurred_at": at.isoformat(), "lines": [{"line": 1, "sku": sku, "quantity": quantity}],
        })  # fmt: skip
    body = {"employee": "bo", "provisional": True}
    waiting: list[Any] = [
        service.post("/v1/pos/receipts", {"receipts": [receipt]}, key="") for receipt in receipts
    ]
    waiting += [count.post("approve", body) for count in counts]
    waiting += [
        service.post("/v1/counts", {"location": place, "lines": [
            {"sku": sku, "counted": 99, "counted_at": (first - timedelta(hours=1)).isoformat()}
            for sku in reversed(skus)
        ]}),
        tend(service.db, 1),
    ]  # fmt: skip
    rng.shuffle(waiting)
    replies = await asyncio.gather(*waiting)
    assert {reply.status_code for reply in replies if not isinstance(reply, int)} == {200}
    levels = {
        sku: (await service.get(f"/v1/stock/{place}/{sku}")).json()["sellable"] for sku in skus
    }
    assert levels == left
