"""Story 3 (domain §6): six hours offline, 400 receipts, a number missing (R17, R98)."""

import time
from typing import Any, NamedTuple

from service.pos.jobs import mark_overdue
from service.terminals.jobs import watch_terminals

Shop = Any  # the one of conftest


async def uploaded(shop: Shop, till: str, k: str, other: str) -> list[dict[str, Any]]:
    """Receipts 1201 to 1601 without 1377: nine of K sold, one brought back, the rest of others."""
    numbers = [number for number in range(1201, 1602) if number != 1377]
    begin, end = shop.at("10:05"), shop.at("16:05")
    moments = [begin + (end - begin) * (i + 1) / 401 for i in range(400)]
    receipts = []
    for place, (number, at) in enumerate(zip(numbers, moments, strict=True)):
        if place % 40 == 0 and place < 360:
            receipts.append(shop.sale(till, number, k, at))
        elif place == 399:
            back = {"terminal": till, "sequence": 1201, "line": 1}
            receipts.append(shop.sale(till, number, k, at, -1, sale=back, resaleable=True))
        else:
            receipts.append(shop.sale(till, number, other, at))
    return receipts


class World(NamedTuple):
    """The morning: 14 of K on the shelf, which sells 1.5 an hour; both tills spoke at 10:05."""

    k: str
    other: str
    one: str
    two: str


async def morning(service: Any, shop: Shop) -> World:
    k, other = await service.item(), await service.item()
    shop.clock("10:00")
    await service.receive(shop.place, k, 14)
    await service.receive(shop.place, other, 1_000)
    await service.sql(
        "insert into stock.sales_rate select 1, l.location_id, i.sku_id, 1.5, now()"
        " from locations.location l, catalog.item i where l.location = $1 and i.sku = $2",
        shop.place,
        k,
    )
    one, two = await shop.till(1), await shop.till(2)
    await shop.beat(one, 0)
    shop.clock("10:05")
    await shop.post(shop.sale(two, 1200, other, shop.at("10:05")))
    await shop.beat(two, 1200)
    assert (await shop.terminal(two))["state"] == "online"
    return World(k, other, one, two)


async def closed_and_reconciled(service: Any, shop: Shop, two: str, other: str) -> None:
    """Its Z-count is one more than what came, until 1377 comes."""
    (gap,) = (await service.get(f"/v1/pos/exceptions?kind=gap&location={shop.place}")).json()[
        "items"
    ]
    assert (gap["terminal"], gap["sequence"], gap["quantity"]) == (two, 1377, 1)
    # with 1200 of the morning it made 402
    closed = await shop.close(two, 402, 1601)
    assert closed["closing"] == {
        "business_date": shop.day.isoformat(), "announced": 402, "received": 401,
    }  # fmt: skip
    assert (closed["state"], closed["gaps"]) == ("catching_up", [[1377, 1377]])
    assert closed["contiguous_through"] == 1376

    shop.clock("16:10")
    missing = shop.sale(two, 1377, other, shop.at("12:40"))
    assert (await shop.post(missing))["posted"] == 1
    done = await shop.terminal(two)
    assert (done["state"], done["gaps"], done["closing"]["received"]) == ("reconciled", [], 402)
    told = await shop.sql(
        "select type from events.event where subject = $1 order by sequence", f"terminal/{two}"
    )
    assert [row["type"] for row in told] == [
        "terminal.offline", "terminal.gap", "terminal.reconciled",
    ]  # fmt: skip


async def test_story_3_six_hours_offline(service: Any, shop: Shop) -> None:
    k, other, one, two = await morning(service, shop)
    now = shop.clock("13:05")
    await shop.post(shop.sale(one, 1, k, now))
    await watch_terminals(service.db)
    offline = await shop.terminal(two)
    assert (offline["state"], offline["contiguous_through"]) == ("offline", 1200)
    assert offline["synced_through"] == shop.at("10:05").isoformat().replace("+00:00", "Z")
    level = await shop.level(k)
    assert (level["sellable"], level["stale_buffer"], level["available"]) == (13, 5, 7)
    assert (await shop.offered(k))["level"] == "uncertain"

    now = shop.clock("16:05")
    await shop.post(shop.sale(one, 2, k, now))
    receipts = await uploaded(shop, two, k, other)
    started = time.perf_counter()
    reply = await shop.post(*receipts)
    assert time.perf_counter() - started < 5
    assert (reply["posted"], reply["duplicates"], reply["refused"]) == (400, 0, 0)
    level = await shop.level(k)
    assert (level["sellable"], level["stale_buffer"], level["available"]) == (4, 0, 3)
    ledger = await shop.sql(
        "select count(*), min(e.occurred_at), max(e.occurred_at) from stock.ledger_entry e"
        " join pos.receipt r on r.receipt_id = e.document_id where r.terminal = $1"
        " and r.sequence > 1200",
        two,
    )
    assert ledger[0]["count"] == 400
    assert ledger[0]["min"] < shop.at("10:06")
    assert ledger[0]["max"] < now

    again = await shop.post(*receipts)
    assert (again["posted"], again["duplicates"]) == (0, 400)
    entries = await shop.sql(
        "select count(*) from stock.ledger_entry e join pos.receipt r"
        " on r.receipt_id = e.document_id where r.terminal = $1 and r.sequence > 1200",
        two,
    )
    assert entries[0]["count"] == 400
    await closed_and_reconciled(service, shop, two, other)


async def test_the_jobs_find_nothing_twice(service: Any, shop: Shop) -> None:
    shop.clock("11:00")
    till = await shop.till(1)
    await shop.beat(till, 3)
    shop.clock("11:01")
    await watch_terminals(service.db)
    before = await shop.sql("select count(*) from events.event")
    await watch_terminals(service.db)
    await mark_overdue(service.db)
    assert await shop.sql("select count(*) from events.event") == before
    assert (await shop.terminal(till))["gaps"] == [[3, 3]]
