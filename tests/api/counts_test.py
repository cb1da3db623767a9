"""Counts that are approved as they come, by the late-event rule (contract §3, domain §1.3, R19)."""

import asyncio
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from biip.checksums import gs1_standard_check_digit

Shelf = Any  # the one of conftest
Service = Any
ORDER = """
with gone as (
  select events.write_events(1, $5, stock.post(1, $5, 'test', case when $4 > 0 then array[(
    l.location_id, i.sku_id, 'sellable', 'staged', $4, 'pick', $5, $6::uuid, 'test', null, null, 1,
    null)::stock.goods_change] end, array[(l.location_id, i.sku_id, $6::uuid, 'claim', $3::bigint,
    $3 - $4, null, 1)::stock.claim_change]))
  from locations.location l, catalog.item i where l.location = $1 and i.sku = $2
)
insert into stock.claim (cell_id, location_id, sku_id, holder_id, holder_kind, line, quantity,
  open_quantity, staged_quantity)
select 1, l.location_id, i.sku_id, $6::uuid, 'order', 1, $3, $3, $4
from locations.location l, catalog.item i, gone where l.location = $1 and i.sku = $2
"""
GOODS = """
select events.write_events(1, now(), stock.post(1, now(), 'test', array[(l.location_id, i.sku_id,
  $3, $4, $5::bigint, $6, $7::timestamptz, $8::uuid, 'test', null, null, 1, null
)::stock.goods_change], null))
from locations.location l, catalog.item i where l.location = $1 and i.sku = $2
"""


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def barcode() -> str:
    digits = f"57{secrets.randbelow(10**10):010}"
    return digits + str(gs1_standard_check_digit(digits))


async def order(shelf: Shelf, quantity: int, staged: int = 0) -> None:
    """An order's claim, with staged units, put there by SQL."""
    await shelf.service.sql(
        ORDER, shelf.location, shelf.sku, quantity, staged, ago(120), str(uuid.uuid4())
    )


async def move(shelf: Shelf, source: str, target: str, quantity: int, kind: str, at: datetime):
    """Goods put there by SQL, as pick and sale will."""
    args = (source, target, quantity, kind, at, str(uuid.uuid4()))
    await shelf.service.sql(GOODS, shelf.location, shelf.sku, *args)


async def counted(shelf: Shelf, *lines: dict[str, Any], **of: Any) -> list[dict[str, Any]]:
    """The results of one request."""
    body = {"location": shelf.location, "lines": lines, **of.pop("body", {})}
    reply = await shelf.service.post("/v1/counts", body, **of)
    assert reply.status_code == 200, reply.text
    return reply.json()["results"]


def line(shelf: Shelf, units: int, at: datetime | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"sku": shelf.sku, "counted": units}
    return found if at is None else {**found, "counted_at": at.isoformat()}


async def shrink(shelf: Shelf) -> int:
    items = (await shelf.ledger())["items"]
    return sum(
        entry["quantity"] * ((entry["to"] == "shrink") - (entry["from"] == "shrink"))
        for entry in items
    )


async def sale(shelf: Shelf, till: str, sequence: int, quantity: int, at: datetime) -> None:
    receipt = {
        "terminal": till, "sequence": sequence, "kind": "sale", "occurred_at": at.isoformat(),
        "currency": "DKK", "lines": [{"line": 1, "sku": shelf.sku, "quantity": quantity}],
    }  # fmt: skip
    reply = await shelf.service.post("/v1/pos/receipts", {"receipts": [receipt]}, key="")
    assert reply.json()["results"][0]["status"] == "posted", reply.text


async def till_of(shelf: Shelf) -> str:
    made = await shelf.service.put(
        f"/v1/pos/terminals/{shelf.location}-1", {"location": shelf.location}
    )
    assert made.status_code in (200, 201), made.text
    return f"{shelf.location}-1"


async def test_a_count_of_an_open_shop_with_late_sales_story_8(shelf_of: Any) -> None:
    shelf = await shelf_of({"safety_stock": 1}, {})
    await shelf.move(shelf.entry(12, "opening", occurred_at=ago(300).isoformat()))
    await order(shelf, 5, staged=2)
    till = await till_of(shelf)
    two = ago(60)  # 14:00
    await sale(shelf, till, 1, 1, two + timedelta(minutes=5))
    await move(shelf, "sellable", "staged", 1, "pick", two + timedelta(minutes=10))
    level = await shelf.level()
    assert (level["sellable"], level["staged"]) == (8, 3)
    (result,) = await counted(shelf, line(shelf, 7, two))
    assert (result["expected"], result["variance"]) == (10, -3)
    level = await shelf.level()
    assert (level["sellable"], level["staged"], level["reserved"]) == (5, 3, 5)
    assert (level["unpicked"], level["available"]) == (3, 1)
    short = "select 1 from stock.shortfall f join catalog.item i using (sku_id) where i.sku = $1"
    assert await shelf.service.sql(short, shelf.sku) == []
    assert await shrink(shelf) == 3
    await sale(shelf, till, 2, 2, two - timedelta(minutes=10))
    assert (await shelf.level())["sellable"] == 5
    assert await shrink(shelf) == 1
    await sale(shelf, till, 3, 1, two + timedelta(minutes=20))
    assert (await shelf.level())["sellable"] == 4
    assert await shrink(shelf) == 1


async def test_a_spot_count_after_a_not_found_writes_off_and_thaws_story_6(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(4))
    await order(shelf, 1, staged=1)
    await move(shelf, "sellable", "missing", 1, "not_found", ago(10))
    level = await shelf.level()
    assert (level["sellable"], level["missing"], level["frozen"], level["available"]) == (
        2, 1, True, 0,
    )  # fmt: skip
    (task,) = (await shelf.service.get(f"/v1/counts/tasks?location={shelf.location}")).json()[
        "items"
    ]
    assert (task["sku"], task["reason"]) == (shelf.sku, "not_found")
    (result,) = await counted(shelf, line(shelf, 0))
    assert result["variance"] == -2
    level = await shelf.level()
    assert (level["sellable"], level["missing"], level["staged"]) == (0, 0, 1)
    assert level["frozen"] is False
    assert await shrink(shelf) == 3
    tasks = await shelf.service.get(f"/v1/counts/tasks?location={shelf.location}")
    assert tasks.json()["items"] == []


async def test_a_count_equal_to_the_book_moves_nothing_and_is_kept(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(4))
    before = await shelf.ledger()
    (result,) = await counted(shelf, line(shelf, 4))
    assert (result["status"], result["expected"], result["variance"]) == ("posted", 4, 0)
    assert await shelf.ledger() == before
    assert (await shelf.level())["last_counted_at"] is not None


async def test_a_bad_line_is_told_and_the_others_are_posted(shelf: Shelf) -> None:
    other = await shelf.service.item()
    untracked = await shelf.service.item(stock_tracked=False)
    good = line(shelf, 3)
    bad = {
        "invalid_request": [
            {**good, "counted": -1}, {**good, "counted": 1.5}, {**good, "counted": None}, 7, None,
            {**good, "counted_at": "2026-01-01T10:00:00"}, {**good, "stock": 1}, {"counted": 1},
            {**good, "gtin": "5701234567899"}, {**good, "sku": " "}, {**good, "sku": "a\x00"},
        ],
        "in_the_future": [line(shelf, 1, ago(-11))],
        "invalid_value": [{**good, "counted_at": "1999-12-31T23:59:59Z"}],
        "unknown_sku": [{**good, "sku": "nothing"}],
        "bad_check_digit": [{"gtin": "5701234567890", "counted": 1}],
        "not_a_gtin": [{"gtin": "57x", "counted": 1}],
        "unknown_gtin": [{"gtin": barcode(), "counted": 1}],
        "not_stock_tracked": [{**good, "sku": untracked}],
        "counted_twice": [{**good, "counted": 9}],
    }  # fmt: skip
    entries = [entry for kind in bad.values() for entry in kind]
    results = await counted(shelf, good, *entries, {"sku": other, "counted": 5})
    assert [result["index"] for result in results] == list(range(len(entries) + 2))
    codes = [code for code, kind in bad.items() for _ in kind]
    assert [result.get("code") for result in results] == [None, *codes, None]
    assert all(result["detail"] for result in results[1:-1])
    assert (await shelf.level())["sellable"] == 3
    found = await shelf.service.get(f"/v1/stock/{shelf.location}/{other}")
    assert found.json()["sellable"] == 5


async def test_a_packs_barcode_counts_its_units(shelf_of: Any) -> None:
    single, pack = barcode(), barcode()
    shelf = await shelf_of({}, {"gtins": [single], "packs": [{"gtin": pack, "factor": 6}]})
    (result,) = await counted(shelf, {"gtin": pack, "counted": 3})
    assert (result["sku"], result["expected"], result["variance"]) == (shelf.sku, 0, 18)
    (result,) = await counted(shelf, {"gtin": single, "counted": 17})
    assert (result["expected"], result["variance"]) == (18, -1)


async def test_a_clock_that_is_ahead_counts_now(shelf: Shelf) -> None:
    """Else a sale of the next minutes would be taken for one before the count."""
    await counted(shelf, line(shelf, 5, ago(-9)))
    await sale(shelf, await till_of(shelf), 1, 1, datetime.now(UTC))
    assert (await shelf.level())["sellable"] == 4


async def test_only_the_envelope_can_fail_as_a_whole(shelf: Shelf) -> None:
    async def refused(**body: object) -> tuple[int, str]:
        asked = {"location": shelf.location, **body}
        reply = await shelf.service.post("/v1/counts", asked)
        return reply.status_code, reply.json()["code"]

    good = line(shelf, 1)
    assert await refused(lines=[good] * 1001) == (413, "batch_too_large")
    assert await refused(lines={}) == (400, "invalid_request")
    assert await refused(lines=[good], kind="spot") == (400, "invalid_request")
    assert await refused(lines=[good], zones=["A"]) == (400, "invalid_request")
    assert await refused() == (400, "invalid_request")
    assert await refused(kind="all") == (400, "invalid_request")
    assert await refused(lines=[good], location="nowhere") == (422, "unknown_location")
    assert await refused(lines=[good], reason="4111 1111 1111 1111") == (422, "card_number")
    reply = await shelf.service.post("/v1/counts", {"location": shelf.location}, key="")
    assert reply.json()["code"] == "idempotency_key_required"
    assert await counted(shelf) == []
    assert len(await counted(shelf, *[good] * 1000)) == 1000
    assert (await shelf.level())["sellable"] == 1


async def test_the_same_request_again_gives_the_same_bytes_and_moves_nothing(shelf: Shelf) -> None:
    body = {"location": shelf.location, "lines": [line(shelf, 5, ago(1)), {"sku": "no"}]}
    key = f"k-{shelf.sku}"
    replies = await asyncio.gather(
        *(shelf.service.post("/v1/counts", body, key=key) for _ in range(6))
    )
    assert len({(reply.status_code, reply.content) for reply in replies}) == 1
    assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    other = await shelf.service.post("/v1/counts", {**body, "lines": []}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await shelf.ledger())["items"]) == 1


async def test_it_is_provisional_while_a_till_may_still_send_what_it_sold(shelf: Shelf) -> None:
    (result,) = await counted(shelf, line(shelf, 5, ago(30)))
    assert result["provisional"] is False  # nobody sells here
    till = await till_of(shelf)
    (result,) = await counted(shelf, line(shelf, 5, ago(25)))
    assert result["provisional"] is False  # not yet in service
    await sale(shelf, till, 1, 1, ago(20))
    heard = "update pos.terminal set synced_through = $2 where terminal = $1"
    await shelf.service.sql(heard, till, ago(10))
    other = {"sku": await shelf.service.item(), "counted": 1}
    late, early = await counted(
        shelf, line(shelf, 5, ago(5)), {**other, "counted_at": ago(15).isoformat()}
    )
    assert (late["provisional"], early["provisional"]) == (True, False)
    rows = await shelf.service.sql(
        "select c.provisional from stock.stock_count c join locations.location l"
        " using (location_id) where l.location = $1 order by c.counted_at",
        shelf.location,
    )
    assert [row["provisional"] for row in rows] == [False, False, False, True]


async def test_an_approved_count_is_listed_and_told_like_any_other(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(4))
    lines = [line(shelf, 3)]
    reply = await shelf.service.post("/v1/counts", {"location": shelf.location, "lines": lines})
    count = reply.json()["id"]
    found = (await shelf.service.get(f"/v1/counts/{count}")).json()
    assert (found["state"], found["kind"], found["location"]) == ("posted", "spot", shelf.location)
    assert found["posted"] == {"items": 1, "matching": 0, "net": -1, "absolute": 1}
    listed = (await shelf.service.get(f"/v1/counts?location={shelf.location}")).json()["items"]
    assert [one["id"] for one in listed] == [count]
    told = await shelf.service.sql(
        "select type, data from events.event where subject = $1 order by sequence", f"count/{count}"
    )
    assert [event["type"] for event in told] == ["count.variance", "count.posted"]
    (entry, _) = (await shelf.ledger())["items"]
    assert (entry["document"], entry["kind"], entry["source"]) == (count, "count", "count")


async def test_counts_at_once_of_one_item_each_stand_on_the_one_before(shelf: Shelf) -> None:
    results = await asyncio.gather(*(counted(shelf, line(shelf, units)) for units in range(1, 13)))
    assert {one["status"] for (one,) in results} == {"posted"}
    level = (await shelf.level())["sellable"]
    assert sum(one["variance"] for (one,) in results) == level


async def test_a_token_counts_at_its_own_places_only(shelf: Shelf) -> None:
    elsewhere = await shelf.beside()
    token = await shelf.service.token("counts:write", locations=[shelf.location])
    (result,) = await counted(shelf, line(shelf, 2), token=token)
    assert result["status"] == "posted"
    body = {"location": elsewhere.location, "lines": [line(shelf, 2)]}
    reply = await shelf.service.post("/v1/counts", body, token=token)
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_location")
    for path in ("/v1/counts", "/v1/counts/tasks"):
        reply = await shelf.service.get(f"{path}?location={elsewhere.location}", token=token)
        assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_location")


async def test_differences_on_the_ready_shelf_are_told_and_nothing_moves(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(10))
    await order(shelf, 3, staged=3)
    before = await shelf.ledger()
    service = shelf.service
    body = {"location": shelf.location, "kind": "ready_shelf"}
    url = f"/v1/counts/{(await service.post('/v1/counts', body)).json()['id']}"
    scan = {"scans": [{"sku": shelf.sku, "employee": "anna"}]}
    for path, sent in (("scans", scan), ("zones/all/close", {}), ("submit", {})):
        assert (await service.post(f"{url}/{path}", sent)).status_code == 200
    (told,) = (await service.get(f"{url}/lines")).json()["items"]
    assert (told["expected"], told["variance"]) == (3, -2)
    reply = await service.post(f"{url}/approve", {"employee": "bo"})
    assert (reply.json()["state"], reply.json()["posted"]["net"]) == ("posted", -2)
    assert await shelf.ledger() == before
    tasks = await service.get(f"/v1/counts/tasks?location={shelf.location}")
    assert [task["reason"] for task in tasks.json()["items"]] == ["asked"]
    events = await service.sql(
        "select data::text from events.event where type = 'count.variance' and subject = $1",
        url.replace("/v1/counts", "count"),
    )
    assert '"account": "staged"' in events[0]["data"]
