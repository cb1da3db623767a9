"""Tills over HTTP: heartbeats, closings, lists, the reconciliation of a day (contract §5; R17)."""

import asyncio
from typing import Any

import pytest

from service.cli.pos import gaps_of, span_of, summary_of, table_of
from service.terminals.reads import places_after
from service.terminals.types import PlaceDay

Shop = Any  # the one of conftest
FIELDS = {
    "terminal", "location", "name", "epoch", "in_service", "state", "first_sequence",
    "last_sequence", "contiguous_through", "gaps", "synced_through", "last_seen_at", "lag_seconds",
    "clock_offset_seconds", "closing",
}  # fmt: skip


async def test_a_till_that_never_sent_anything_is_offline_with_nulls(shop: Shop) -> None:
    shop.clock("11:00")
    till = await shop.till(1, name="Till 1")
    found = await shop.terminal(till)
    assert set(found) == FIELDS
    assert (found["state"], found["in_service"], found["gaps"]) == ("offline", True, [])
    nulls = FIELDS - {"terminal", "location", "name", "epoch", "in_service", "state", "gaps"}
    assert {found[name] for name in nulls} == {None}
    listed = await shop.service.get("/v1/pos/terminals?limit=200")
    assert found in listed.json()["items"]


async def test_a_heartbeat_needs_no_key_and_tells_what_is_missing(shop: Shop) -> None:
    shop.clock("11:00")
    till = await shop.till(1)
    sku = await shop.service.item()
    assert (await shop.beat(till, 0))["state"] == "online"
    now = shop.clock("11:00", 30)
    await shop.post(*(shop.sale(till, number, sku, now) for number in (1, 2, 5)))
    told = await shop.beat(till, 5, sent_at=shop.at("10:59", 27).isoformat())
    assert (told["state"], told["gaps"], told["contiguous_through"]) == ("catching_up", [[3, 4]], 2)
    assert told["clock_offset_seconds"] == 63
    reply = await shop.service.get(f"/v1/pos/terminals/{till}")
    same = await shop.service.get(
        f"/v1/pos/terminals/{till}", headers={"If-None-Match": reply.headers["etag"]}
    )
    assert same.status_code == 304


@pytest.mark.parametrize(
    ("path", "wrong", "status", "code"),
    [
        ("heartbeats", {"sent_at": "2026-11-21T10:00:00"}, 400, "invalid_request"),
        ("heartbeats", {"sent_at": None}, 400, "invalid_request"),
        ("heartbeats", {"last_sequence": -1}, 400, "invalid_request"),
        ("heartbeats", {"other": 1}, 400, "invalid_request"),
        ("closings", {"business_date": "2026-13-21"}, 400, "invalid_request"),
        ("closings", {"receipts": -1}, 400, "invalid_request"),
        ("closings", {"business_date": "9999-11-21"}, 422, "in_the_future"),
    ],
)
async def test_what_no_till_can_say_is_refused(
    shop: Shop, path: str, wrong: dict[str, Any], status: int, code: str
) -> None:
    shop.clock("11:00")
    till = await shop.till(1)
    right = {
        "heartbeats": {"sent_at": "2026-11-21T10:00:00Z", "last_sequence": 1},
        "closings": {"business_date": "2026-11-21", "receipts": 1, "last_sequence": 1},
    }
    body = {**right[path], **wrong}
    reply = await shop.service.post(f"/v1/pos/terminals/{till}/{path}", body, key="")
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text


@pytest.mark.parametrize("sent", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_a_clock_that_is_thousands_of_years_wrong_is_noted(shop: Shop, sent: str) -> None:
    shop.clock("11:00")
    till = await shop.till(1)
    told = await shop.beat(till, 0, sent_at=sent)
    assert abs(told["clock_offset_seconds"]) == 2_000_000_000


async def test_an_unknown_till_and_one_of_another_tokens_store_are_not_there(
    service: Any, shop: Shop
) -> None:
    shop.clock("11:00")
    till, elsewhere = await shop.till(1), await service.place()
    token = await service.token("pos:write", locations=[elsewhere])
    bodies = {
        "heartbeats": {"sent_at": shop.at("11:00").isoformat(), "last_sequence": 0},
        "closings": {"business_date": shop.day.isoformat(), "receipts": 0, "last_sequence": 0},
    }
    for path, body in bodies.items():
        for code, of in ((f"{till}x", None), (till, token)):
            reply = await service.post(f"/v1/pos/terminals/{code}/{path}", body, key="", token=of)
            assert reply.status_code == 404
            assert "PUT /v1/pos/terminals/" in reply.json()["detail"]
    assert (await shop.terminal(till))["last_seen_at"] is None


async def test_sequence_0_and_1001_lines_lose_no_neighbour(shop: Shop) -> None:
    now = shop.clock("11:00")
    till, sku = await shop.till(1), await shop.service.item()
    reply = await shop.post(shop.sale(till, 0, sku, now), shop.sale(till, 1, sku, now))
    assert [result["status"] for result in reply["results"]] == ["refused", "posted"]
    many = [shop.sale(till, number, sku, now) for number in (2, 3)]
    for receipt, count in zip(many, (1_001, 500), strict=True):
        lines = [{"line": n, "sku": sku, "quantity": 1} for n in range(1, count + 1)]
        receipt["lines"] = lines
    reply = await shop.post(*many)  # one that is too long by itself loses only itself
    assert [result["status"] for result in reply["results"]] == ["refused", "posted"]
    many = [{**many[1], "sequence": number} for number in (4, 5, 6)]
    refused = await shop.service.post("/v1/pos/receipts", {"receipts": many}, key="")
    assert (refused.status_code, refused.json()["code"]) == (413, "batch_too_large")
    found = await shop.terminal(till)
    assert (found["last_sequence"], found["gaps"]) == (3, [[2, 2]])


async def test_a_closing_replaces_another_of_its_day_and_says_so(shop: Shop) -> None:
    now = shop.clock("18:00")
    till, sku = await shop.till(1), await shop.service.item()
    await shop.post(shop.sale(till, 1, sku, now), shop.sale(till, 2, sku, now))
    first = await shop.close(till, 3, 2)
    assert (first["replaced"], first["state"]) == (None, "catching_up")
    assert (await shop.close(till, 3, 2))["replaced"] is None
    second = await shop.close(till, 2, 2)
    assert second["replaced"] == {"receipts": 3, "last_sequence": 2}
    assert (second["state"], second["closing"]["received"]) == ("reconciled", 2)


async def test_a_gap_that_never_comes_is_accepted_and_the_till_goes_on(shop: Shop) -> None:
    now = shop.clock("17:00")
    till, sku = await shop.till(1), await shop.service.item()
    await shop.post(shop.sale(till, 1, sku, now), shop.sale(till, 4, sku, now))
    assert (await shop.close(till, 2, 4))["state"] == "catching_up"
    found = await shop.service.get(f"/v1/pos/exceptions?kind=gap&location={shop.place}")
    (gap,) = found.json()["items"]
    assert gap["body"] == {"first": 2, "last": 3}
    reply = await shop.service.post(
        f"/v1/pos/exceptions/{gap['id']}/resolve", {"action": "accept", "reason": "paper roll"}
    )
    assert reply.status_code == 200, reply.text
    done = await shop.terminal(till)
    assert (done["state"], done["gaps"], done["contiguous_through"]) == ("reconciled", [], 4)


async def test_two_tills_that_wake_at_once_leave_no_silence_behind(
    service: Any, shop: Shop
) -> None:
    shop.clock("11:00")
    tills = [await shop.till(number) for number in range(1, 9)]
    for till in tills:
        await shop.beat(till, 0)
    shop.clock("12:00")
    await service.sql(
        'select terminals.watch_terminals(1, \'[{"after_code": "", "most": 500}]\', $1)',
        shop.at("12:00"),
    )
    place = "select s.stale_since from stock.place_sync s join locations.location l"
    place += " using (location_id) where l.location = $1"
    assert (await shop.sql(place, shop.place))[0]["stale_since"] == shop.at("11:00")
    await asyncio.gather(*(shop.beat(till, 0) for till in tills))
    assert (await shop.sql(place, shop.place))[0]["stale_since"] is None


async def reconciled(shop: Shop, query: str = "", **of: Any) -> dict[str, Any]:
    reply = await shop.service.get(f"/v1/pos/reconciliation?location={shop.place}{query}", **of)
    assert reply.status_code == 200, reply.text
    (place,) = reply.json()["items"]
    return place  # type: ignore[no-any-return]


async def test_the_reconciliation_of_a_day(service: Any, shop: Shop) -> None:
    now = shop.clock("17:30")
    till, quiet, sku = await shop.till(1), await shop.till(2), await service.item()
    await service.receive(shop.place, sku, 10)
    counted = await service.put(
        f"/v1/stock/{shop.place}/{sku}", {"sellable": 8, "expected": None, "reason": "shelf"}
    )
    assert counted.status_code == 200, counted.text
    now = shop.clock("17:31")
    await shop.post(
        shop.sale(till, 1, sku, now),
        shop.sale(till, 2, "nobody's", now, 3),
        shop.sale(till, 3, "nothing", now, 2),
        shop.sale(till, 3, sku, now, 9),
        shop.sale(till, 4, sku, now, 20_000),
        shop.sale(till, 7, sku, shop.at("17:00")),
    )
    await shop.close(till, 8, 8)
    place = await reconciled(shop)
    assert (place["date"], place["doubtful"]) == (shop.day.isoformat(), True)
    assert place["open"] == {"unmapped": 2, "conflict": 1, "held_for_review": 1, "gap": 1}
    assert place["unmapped"] == [
        {"code": "nobody's", "units": 3, "lines": 1},
        {"code": "nothing", "units": 2, "lines": 1},
    ]
    assert (place["counted_items"], place["variance"], place["expected"]) == (1, 2, 10)
    assert place["drift"] == 0.2
    assert place["last_verified_at"] is not None
    first, second = place["terminals"]
    assert (first["terminal"], first["receipts"], first["units"]) == (till, 5, 7)
    assert (first["unmapped_units"], first["lag_seconds_max"]) == (5, 31 * 60)
    assert first["closing"] == {
        "business_date": shop.day.isoformat(), "announced": 8, "received": 5,
    }  # fmt: skip
    assert (second["terminal"], second["state"], second["receipts"]) == (quiet, "offline", 0)
    yesterday = await reconciled(shop, "&date=2020-01-01")
    assert [till["receipts"] for till in yesterday["terminals"]] == [0, 0]
    assert yesterday["drift"] is None


async def test_the_report_is_a_table_that_people_can_read(service: Any, shop: Shop) -> None:
    now = shop.clock("17:30")
    till, sku = await shop.till(1), await service.item()
    await shop.post(shop.sale(till, 1, sku, now), shop.sale(till, 9, "nobody's", now, 3))
    await shop.close(till, 9, 9)
    (place,) = await places_after(service.db, "", None, 9, location=shop.place)
    assert isinstance(place, PlaceDay)
    table = table_of(place)
    cells = [str(cell) for column in table.columns for cell in column.cells]
    assert {till, "catching_up", "2-8", "9 / 2", "3 of 4"} <= set(cells)
    text = summary_of(place)
    assert "Unknown codes: nobody's (3 units)" in text
    assert "1 gap, 1 unmapped" in text
    assert "Never counted" in text
    assert gaps_of([(1, 1), (3, 9), (11, 11), (13, 14)]) == "1, 3-9, 11, … 11 in all"
    assert [span_of(n) for n in (45, 119, 120, 21_600, 200_000)] == [
        "45 s", "119 s", "2 min", "6 h", "2 d",
    ]  # fmt: skip


async def test_a_token_sees_the_reconciliation_of_its_places(service: Any, shop: Shop) -> None:
    shop.clock("11:00")
    await shop.till(1)
    token = await service.token("pos:write", locations=[await service.place()])
    reply = await service.get(f"/v1/pos/reconciliation?location={shop.place}", token=token)
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_location")
    assert (await service.get("/v1/pos/reconciliation", token=token)).json()["items"] == []


async def test_how_late_receipts_come_is_a_metric(service: Any, shop: Shop) -> None:
    def lag(text: str) -> float:
        (line,) = [x for x in text.splitlines() if x.startswith("hylde_pos_lag_seconds_count")]
        return float(line.split()[-1])

    now = shop.clock("11:00")
    till, sku = await shop.till(1), await service.item()
    before = lag((await service.client.get("/metrics")).text)
    sale = shop.sale(till, 1, sku, now)
    await shop.post(sale, sale, shop.sale(till, 2, sku, now))
    assert lag((await service.client.get("/metrics")).text) == before + 2
