"""Counting by zone, blind, by several devices at once (domain §2.5, R98)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tests.api.counts.conftest import opened

Shelf = Any  # the one of conftest


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


async def test_lists_are_told_in_pages(stocked: Shelf) -> None:
    first, second = await opened(stocked), await opened(stocked)
    other = await stocked.service.item()
    await stocked.service.receive(stocked.location, other, 2)
    await second.scan()
    await second.scan(sku=other)
    await stocked.service.sql(
        "select trust.open_tasks(1, now(), 'asked', array_agg(l.location_id), array_agg(i.sku_id))"
        " from locations.location l, catalog.item i where l.location = $1 and i.sku = any($2)",
        stocked.location,
        [stocked.sku, other],
    )

    async def told(url: str, field: str, limit: int) -> list[str]:
        """All pages of a list, of so many entries each."""
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = (await stocked.service.get(f"{url}limit={limit}{more}")).json()
            assert len(page["items"]) <= limit
            found += [one[field] for one in page["items"]]
            cursor = page["next_cursor"]
        return found

    at = f"location={stocked.location}&"
    lists = {
        f"/v1/counts?{at}": "id",
        f"/v1/counts/tasks?{at}": "id",
        f"{second.url}/lines?": "sku",
    }
    for url, field in lists.items():
        whole = await told(url, field, 50)
        assert len(whole) == 2
        assert await told(url, field, 1) == whole
    assert await told(f"/v1/counts?{at}", "id", 1) == [second.told["id"], first.told["id"]]
    for url in ("/v1/counts/tasks?cursor=WyJ4IiwieSJd", "/v1/counts?cursor=WyJ4Il0"):
        assert (await stocked.service.get(url)).json()["code"] == "invalid_cursor"


async def test_a_line_says_whether_some_was_sold_between_its_first_and_last_scan(
    stocked: Shelf,
) -> None:
    now = datetime.now(UTC)
    still = await stocked.service.item()
    sold = (now - timedelta(minutes=20)).isoformat()
    await stocked.move(stocked.entry(-1, "adjusted", occurred_at=sold))
    count = await opened(stocked, zones=["A", "B"])
    for minutes, zone in ((30, "A"), (10, "B")):
        at = (now - timedelta(minutes=minutes)).isoformat()
        await count.scan(5, zone=zone, counted_at=at)
        await count.scan(1, zone=zone, counted_at=at, sku=still)
    assert {one["moved_meanwhile"] for one in await count.lines()} == {None}
    await count.submitted()
    found = {one["sku"]: one["moved_meanwhile"] for one in await count.lines()}
    assert found == {stocked.sku: True, still: False}


async def test_a_zone_is_closed_by_its_name_whatever_it_is(stocked: Shelf) -> None:
    names = ["Kælder 2 (nord)", "100 % ?#&=", "...", "a.b", "🧦", "%2F", "open"]
    count = await opened(stocked, zones=names)
    for name in names:
        await count.scan(zone=name)
        told = await count.done(f"zones/{quote(name, safe='')}/close")
        closed = {zone["zone"]: zone["closed_at"] for zone in told["zones"]}
        assert closed[name] is not None
    assert (await count.done("submit"))["state"] == "submitted"
    for name in ("", " ", ".", "..", "a/b", "a\n", "\x00", "x" * 65):
        body = {"location": stocked.location, "kind": "cycle", "zones": [name]}
        reply = await stocked.service.post("/v1/counts", body)
        assert reply.status_code == 400, name
