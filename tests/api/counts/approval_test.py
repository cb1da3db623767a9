"""Approving a count: recount, second person, tills, what nobody counted, jobs (domain §2.5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from service.counts.commands import TendSessions, tend
from tests.api.counts.conftest import opened

Shelf = Any  # the one of conftest


async def test_a_recount_replaces_what_was_over_tolerance(stocked: Shelf) -> None:
    fine = await stocked.service.item()
    await stocked.service.receive(stocked.location, fine, 2)
    count = await opened(stocked, zones=["A", "B"])
    await count.scan(4, zone="A")
    await count.scan(2, zone="B", sku=fine)
    assert (await count.submitted())["over_tolerance"] == 1
    reply = await count.post("recount")
    again = reply.json()
    found = await stocked.service.get(count.url)
    assert found.headers["etag"] == reply.headers["etag"]
    assert (again["state"], again["recount"], again["round"]) == ("recount", [stocked.sku], 2)
    closed = {zone["zone"]: zone["closed_at"] is not None for zone in again["zones"]}
    assert closed == {"A": False, "B": True}
    assert [one["sku"] for one in await count.lines("?over_tolerance=true")] == [stocked.sku]
    await count.done("zones/B/open")
    assert (await count.scan(zone="B", sku=fine))["code"] == "not_in_this_count"
    await count.close()
    assert await count.refused("submit") == (409, "recount_incomplete")
    await count.done("zones/B/open")
    assert (await count.scan(10, zone="B"))["total"] == 10
    await count.close("B")
    assert (await count.done("submit"))["over_tolerance"] == 0
    assert await count.refused("recount") == (409, "nothing_to_recount")
    told = await count.done("approve", {"employee": "anna"})
    assert told["posted"] == {"items": 2, "matching": 2, "net": 0, "absolute": 0}
    assert (await stocked.level())["sellable"] == 10


async def test_beyond_tolerance_somebody_approves_who_counted_none_of_it(stocked: Shelf) -> None:
    count = await opened(stocked)
    await count.submitted(2)
    needed = (409, "second_person_needed")
    assert await count.refused("approve", {"employee": "anna"}) == needed
    assert await count.refused("approve", {}) == needed  # the same device says no name
    other = await stocked.service.token("counts:write")
    assert await count.refused("approve", {"employee": "anna"}, token=other) == needed
    told = await count.done("approve", {"employee": "bo"})
    assert (told["state"], told["approved_by"]) == ("posted", "bo")
    assert (await stocked.level())["sellable"] == 2


async def test_where_nobody_is_named_another_device_approves(stocked: Shelf) -> None:
    count = await opened(stocked)
    await count.submitted(2, employee=None)
    assert await count.refused("approve", {"employee": "bo"}) == (409, "second_person_needed")
    other = await stocked.service.token("counts:write")
    assert (await count.done("approve", {}, token=other))["state"] == "posted"


async def test_tills_are_heard_out_first_or_it_is_provisional(stocked: Shelf) -> None:
    till = f"{stocked.location}-1"
    await stocked.service.put(f"/v1/pos/terminals/{till}", {"location": stocked.location})
    receipt = {
        "terminal": till, "sequence": 1, "kind": "no_sale", "currency": "DKK", "lines": [],
        "occurred_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    await stocked.service.post("/v1/pos/receipts", {"receipts": [receipt]}, key="")
    heard = "update pos.terminal set synced_through = now() + $2::interval where terminal = $1"
    await stocked.service.sql(heard, till, timedelta(minutes=-5))
    first, second, third = [await opened(stocked) for _ in range(3)]
    for count in (first, second, third):
        await count.submitted(10)
    reply = await first.post("approve")
    assert (reply.status_code, reply.json()["code"]) == (409, "tills_not_heard_out")
    assert reply.json()["terminals"] == [till]
    assert (await first.done("approve", {"provisional": True}))["provisional"] is True
    rows = await stocked.service.sql(
        "select provisional from stock.stock_count where document_id::text = $1", first.told["id"]
    )
    assert [row["provisional"] for row in rows] == [True]
    await stocked.service.sql(heard, till, timedelta(minutes=5))
    assert (await second.done("approve", {"provisional": True}))["provisional"] is False
    gap = """insert into pos.exception (cell_id, exception_id, kind, terminal, epoch, sequence,
      location_id, quantity, fingerprint, body, recorded_at)
    select 1, gen_random_uuid(), 'gap', $1, 1, 2, location_id, 1, 'gap', '{}', now()
    from locations.location where location = $2"""
    await stocked.service.sql(gap, till, stocked.location)
    assert await third.refused("approve") == (409, "tills_not_heard_out")
    close = "delete from pos.exception where terminal = $1"
    await stocked.service.sql(close, till)
    assert (await third.done("approve"))["state"] == "posted"


async def test_what_nobody_counted_stays_unless_it_is_said_to_be_gone(stocked: Shelf) -> None:
    seen, gone = await stocked.service.item(), stocked.sku
    for answer, left in ((False, 10), (True, 0)):
        count = await opened(stocked, kind="full")
        await count.scan(1, sku=seen)
        await count.close()
        await count.done("submit")
        body = {"employee": "bo", "zero_uncounted": answer}
        assert (await count.done("approve", body))["state"] == "posted"
        assert (await stocked.level())["sellable"] == left, gone
    count = await opened(stocked, kind="cycle")
    await count.submitted()
    assert await count.refused("approve", {"zero_uncounted": True}) == (409, "not_a_full_count")


async def test_a_count_that_nobody_touches_for_a_day_is_given_up(stocked: Shelf) -> None:
    idle, busy = await opened(stocked), await opened(stocked)
    back = "update counts.session set active_at = now() - $2::interval where session_id::text = $1"
    await stocked.service.sql(back, idle.told["id"], timedelta(hours=24, seconds=1))
    await stocked.service.sql(back, busy.told["id"], timedelta(hours=23, minutes=59))
    assert await tend(stocked.service.db, 1) >= 1
    assert (await idle.read())["state"] == "cancelled"
    assert (await busy.read())["state"] == "open"
    assert await tend(stocked.service.db, 1) == 0


async def test_a_job_posts_what_a_large_count_has_left(stocked: Shelf) -> None:
    await stocked.service.sql(
        "insert into catalog.item (sku, name, changed_at)"
        " select $1 || '-' || g, 'x', now() from generate_series(1, 1200) g",
        stocked.sku,
    )
    count = await opened(stocked, kind="full")
    for start in (1, 601):
        scans = [{"sku": f"{stocked.sku}-{n}"} for n in range(start, start + 600)]
        await count.done("scans", {"scans": scans})
    await count.close()
    await count.done("submit")
    told = await count.done("approve")
    assert (told["state"], told["posted"]["items"]) == ("approved", 500)
    step = TendSessions(idle_hours=24, most=150)
    await stocked.service.db.run(step, 1)
    assert (await count.read())["posted"]["items"] == 650
    await tend(stocked.service.db, 1)
    told = await count.read()
    assert (told["state"], told["posted"]["items"]) == ("posted", 1200)
