"""Sessions of counting: by zone, blind, with a recount and a second person (domain §2.5, R98)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.counts.commands import TendSessions, tend

Shelf = Any  # the one of conftest


class Session:
    """A count of a shelf's place."""

    def __init__(self, shelf: Shelf, told: dict[str, Any]) -> None:
        self.shelf = shelf
        self.told = told
        self.url = f"/v1/counts/{told['id']}"

    async def post(self, path: str, body: object = None, **of: Any) -> Any:
        return await self.shelf.service.post(f"{self.url}/{path}", body or {}, **of)

    async def done(self, path: str, body: object = None, **of: Any) -> dict[str, Any]:
        reply = await self.post(path, body, **of)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    async def refused(self, path: str, body: object = None, **of: Any) -> tuple[int, str]:
        reply = await self.post(path, body, **of)
        return reply.status_code, reply.json()["code"]

    async def scan(self, quantity: int = 1, **of: Any) -> dict[str, Any]:
        """One scan of the shelf's item; gives its result."""
        scan = {"sku": self.shelf.sku, "quantity": quantity, "employee": "anna", **of}
        (result,) = (await self.done("scans", {"scans": [scan]}))["results"]
        return result  # type: ignore[no-any-return]

    async def close(self, *zones: str) -> None:
        for zone in zones or [zone["zone"] for zone in self.told["zones"]]:
            await self.done(f"zones/{zone}/close")

    async def submitted(self, *quantities: int, **of: Any) -> dict[str, Any]:
        """Counted, closed and handed in."""
        for quantity in quantities:
            assert (await self.scan(quantity, **of))["status"] == "counted"
        await self.close()
        return await self.done("submit")

    async def read(self) -> dict[str, Any]:
        return (await self.shelf.service.get(self.url)).json()  # type: ignore[no-any-return]

    async def lines(self, query: str = "") -> list[dict[str, Any]]:
        reply = await self.shelf.service.get(f"{self.url}/lines{query}")
        assert reply.status_code == 200, reply.text
        return reply.json()["items"]  # type: ignore[no-any-return]


async def opened(shelf: Shelf, **of: Any) -> Session:
    reply = await shelf.service.post(
        "/v1/counts", {"location": shelf.location, "kind": "cycle", **of}
    )
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"/v1/counts/{reply.json()['id']}"
    return Session(shelf, reply.json())


@pytest.fixture
async def stocked(shelf: Shelf) -> Shelf:
    """Ten units that have been there for an hour."""
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    await shelf.move(shelf.entry(10, occurred_at=at))
    return shelf


async def test_a_count_goes_from_open_to_posted_and_its_events_tell_it(stocked: Shelf) -> None:
    count = await opened(stocked, zones=[{"zone": "A"}, "B"], reason="week 47")
    assert count.told["state"] == "open"
    assert [zone["zone"] for zone in count.told["zones"]] == ["A", "B"]
    assert (await count.scan(4, zone="A"))["total"] == 4
    assert (await count.scan(zone="A"))["total"] == 5
    assert (await count.scan(6, zone="B"))["total"] == 6
    assert (await count.read())["state"] == "counting"
    assert await count.refused("submit") == (409, "zones_open")
    told = await count.submitted()
    assert (told["state"], told["over_tolerance"]) == ("submitted", 0)
    told = await count.done("approve", {"employee": "anna"})
    assert told["state"] == "posted"
    assert told["posted"] == {"items": 1, "matching": 0, "net": 1, "absolute": 1}
    assert (await stocked.level())["sellable"] == 11
    (entry, _) = (await stocked.ledger())["items"]
    assert (entry["document"], entry["reason"]) == (count.told["id"], "week 47")
    events = await stocked.service.sql(
        "select type from events.event where subject = $1 order by sequence",
        f"count/{count.told['id']}",
    )
    assert [event["type"] for event in events] == [
        "count.opened", "count.submitted", "count.variance", "count.posted",
    ]  # fmt: skip


async def test_nothing_tells_the_book_while_it_is_counted(stocked: Shelf) -> None:
    count = await opened(stocked)
    found = [json.dumps(count.told), json.dumps(await count.scan(3))]

    async def look() -> None:
        found.append(json.dumps(await count.read()))
        (told,) = await count.lines()
        assert (told["expected"], told["variance"]) == (None, None)
        listed = await stocked.service.get(f"/v1/counts?location={stocked.location}")
        found.append(listed.text)

    await look()
    await count.close()
    await look()
    assert (await count.done("submit"))["over_tolerance"] == 1
    (told,) = await count.lines("?over_tolerance=true")
    assert (told["counted"], told["expected"], told["variance"]) == (3, 10, -7)
    again = await count.done("recount")
    found.append(json.dumps({**again, "recount": None}))
    await look()
    for text in found:
        for word in ("expected", "variance", "sellable", '"over_tolerance": 1', '"posted": {'):
            assert word not in text


async def test_a_recount_replaces_what_was_over_tolerance(stocked: Shelf) -> None:
    fine = await stocked.service.item()
    await stocked.service.receive(stocked.location, fine, 2)
    count = await opened(stocked, zones=["A", "B"])
    await count.scan(4, zone="A")
    await count.scan(2, zone="B", sku=fine)
    assert (await count.submitted())["over_tolerance"] == 1
    again = await count.done("recount")
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


async def test_two_devices_scan_at_once_and_repeats_count_once(stocked: Shelf) -> None:
    count = await opened(stocked)
    scan = {"scans": [{"sku": stocked.sku}]}
    keys = [f"{stocked.sku}-{number}" for number in range(20)]
    replies = await asyncio.gather(
        *(count.post("scans", scan, key=key) for key in keys for _ in range(2))
    )
    assert {reply.status_code for reply in replies} == {200}
    assert sum("idempotent-replayed" in reply.headers for reply in replies) == 20
    (told,) = await count.lines()
    assert told["counted"] == 20
    assert (await count.read())["scans"] == 20


async def test_a_late_scan_keeps_its_time_and_a_sale_meanwhile_is_no_variance(
    stocked: Shelf,
) -> None:
    now = datetime.now(UTC)
    sold = (now - timedelta(minutes=20)).isoformat()
    await stocked.move(stocked.entry(-2, "adjusted", occurred_at=sold))
    count = await opened(stocked)
    scans = [
        {"sku": stocked.sku, "quantity": 7, "counted_at": (now - timedelta(minutes=m)).isoformat()}
        for m in (30, 40)
    ]
    scans[1]["quantity"] = 3
    await count.done("scans", {"scans": scans})
    await count.close()
    await count.done("submit")
    (told,) = await count.lines()
    assert (told["counted"], told["expected"], told["variance"]) == (10, 10, 0)
    assert datetime.fromisoformat(told["counted_at"]) == now - timedelta(minutes=30)
    await count.done("approve")
    assert (await stocked.level())["sellable"] == 8


async def test_bad_scans_are_told_and_the_others_are_counted(stocked: Shelf) -> None:
    count = await opened(stocked, zones=["A", "B"])
    await count.close("B")
    good = {"sku": stocked.sku, "zone": "A", "quantity": 2}
    bad = [
        ("invalid_request", {**good, "zone": ""}), ("invalid_request", {**good, "employee": " "}),
        ("invalid_request", {"zone": "A"}), ("unknown_zone", {**good, "zone": "C"}),
        ("unknown_zone", {"sku": stocked.sku}), ("zone_closed", {**good, "zone": "B"}),
        ("unknown_sku", {**good, "sku": "none"}), ("below_zero", {**good, "quantity": -3}),
        ("card_number", {**good, "employee": "4111111111111111"}),
        ("in_the_future", {**good, "counted_at": "2099-01-01T00:00:00Z"}),
    ]  # fmt: skip
    scans = [good, *(scan for _, scan in bad), {**good, "quantity": -2}]
    results = (await count.done("scans", {"scans": scans}))["results"]
    assert [one.get("code") for one in results] == [None, *(code for code, _ in bad), None]
    assert results[-1]["total"] == 0
    too_many = {"scans": [good] * 1001}
    assert await count.refused("scans", too_many) == (413, "batch_too_large")
    limited = await opened(stocked, skus=[stocked.sku])
    other = await stocked.service.item()
    assert (await limited.scan(sku=other))["code"] == "not_in_this_count"


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


async def test_a_task_is_counted_and_closed_by_its_count(stocked: Shelf) -> None:
    await stocked.service.sql(
        "select trust.open_tasks(1, now(), 'asked', array[l.location_id], array[i.sku_id])"
        " from locations.location l, catalog.item i where l.location = $1 and i.sku = $2",
        stocked.location,
        stocked.sku,
    )
    url = f"/v1/counts/tasks?location={stocked.location}"
    (task,) = (await stocked.service.get(url)).json()["items"]
    count = await opened(stocked, kind="spot", task=task["id"])
    assert (count.told["task"], count.told["limited"]) == (task["id"], True)
    await count.submitted(10)
    await count.done("approve")
    assert (await stocked.service.get(url)).json()["items"] == []
    body = {"location": stocked.location, "kind": "spot", "task": task["id"]}
    reply = await stocked.service.post("/v1/counts", body)
    assert (reply.status_code, reply.json()["code"]) == (422, "unknown_task")


async def test_a_wrong_state_is_named_with_what_to_do_next(stocked: Shelf) -> None:
    count = await opened(stocked)
    reply = await count.post("approve")
    assert (reply.status_code, reply.json()["code"]) == (409, "wrong_state")
    assert reply.json()["state"] == "open"
    assert "submit" in reply.json()["detail"]
    assert await count.refused("recount") == (409, "wrong_state")
    await count.submitted(10)
    assert await count.refused("scans", {"scans": []}) == (409, "wrong_state")
    assert await count.refused("zones/all/open") == (409, "wrong_state")
    await count.done("approve")
    assert await count.refused("cancel") == (409, "wrong_state")


async def test_a_cancelled_count_posts_nothing_and_can_be_cancelled_twice(stocked: Shelf) -> None:
    count = await opened(stocked)
    await count.scan(3)
    first = await count.done("cancel")
    assert (first["state"], await count.done("cancel")) == ("cancelled", first)
    assert await count.refused("submit") == (409, "wrong_state")
    assert (await stocked.level())["sellable"] == 10


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


async def test_if_match_names_the_count_that_was_read(stocked: Shelf) -> None:
    count = await opened(stocked)
    reply = await stocked.service.get(count.url)
    tag = {"If-Match": reply.headers["etag"]}
    same = await stocked.service.get(count.url, headers={"If-None-Match": reply.headers["etag"]})
    assert same.status_code == 304
    closed = await count.post("zones/all/close", headers=tag)
    assert closed.status_code == 200
    assert await count.refused("zones/all/open", headers=tag) == (412, "precondition_failed")
    tag = {"If-Match": closed.headers["etag"]}
    assert (await count.post("submit", headers=tag)).status_code == 200


async def test_what_is_not_there_or_not_ours_is_not_found(stocked: Shelf) -> None:
    count = await opened(stocked)
    other = await stocked.service.token("counts:write", locations=[await stocked.service.place()])
    for path, body in (("submit", {}), ("approve", {}), ("scans", {"scans": []}), ("cancel", {})):
        assert await count.refused(path, body, token=other) == (404, "not_found")
    for path in (count.url, f"{count.url}/lines"):
        assert (await stocked.service.get(path, token=other)).status_code == 404
    assert await count.refused("zones/B/close") == (422, "unknown_zone")
    reader = await stocked.service.token("stock:read")
    assert (await stocked.service.get(count.url, token=reader)).status_code == 200
    assert await count.refused("submit", token=reader) == (403, "forbidden_scope")
    listed = await stocked.service.get("/v1/counts", token=other)
    assert listed.json()["items"] == []
