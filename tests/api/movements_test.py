"""Movements of goods over HTTP: what came in, went out or changed condition (contract §3, R19)."""

import asyncio
from typing import Any

Shelf = Any  # the one of conftest


async def test_goods_that_came_in_can_be_promised_at_once(shelf: Shelf) -> None:
    (result,) = await shelf.move(shelf.entry(12, reason="PO 4711", reference="po:4711"))
    assert (result["index"], result["status"]) == (0, "posted")
    level = await shelf.level()
    assert (level["sellable"], level["on_hand"], level["available"]) == (12, 12, 12)
    assert level["as_of"]["sequence"] == 1
    (entry,) = (await shelf.ledger())["items"]
    assert (entry["from"], entry["to"], entry["quantity"]) == ("supplier", "sellable", 12)
    assert (entry["reason"], entry["reference"]) == ("PO 4711", "po:4711")
    assert (entry["document"], entry["actor"]) == (result["movement"], "tester")


async def test_goods_change_their_condition_and_leave(shelf: Shelf) -> None:
    results = await shelf.move(
        shelf.entry(20, "opening"), shelf.entry(5, "damaged"), shelf.entry(2, "repaired"),
        shelf.entry(1, "scrapped"), shelf.entry(3, "scrapped", **{"from": "sellable"}),
        shelf.entry(4, "supplier_return"), shelf.entry(-2, "adjusted"), shelf.entry(1, "adjusted"),
    )  # fmt: skip
    assert {result["status"] for result in results} == {"posted"}
    level = await shelf.level()
    assert (level["sellable"], level["damaged"], level["on_hand"]) == (9, 2, 11)


async def test_a_bad_entry_says_why_and_the_good_ones_are_posted_c24(shelf: Shelf) -> None:
    good = shelf.entry(1)
    bad = {
        "invalid_request": [
            {**good, "sku": None}, {**good, "sku": ""}, {**good, "sku": "   "},
            {**good, "quantity": None}, {**good, "quantity": 1.5}, {**good, "kind": "stolen"},
            {**good, "location": "Nowhere!"}, {**good, "reserved": 1000}, {**good, "reason": "  "},
            {**good, "reason": "a\x00b"}, {**good, "occurred_at": "2026-11-21T09:00:00"},
            {**good, "quantity": 10**9 + 1}, 7, "x", None, [], {},
        ],
        "zero_quantity": [shelf.entry(0)],
        "negative_not_allowed": [shelf.entry(-1)],
        "unknown_location": [{**good, "location": "nowhere"}],
        "unknown_sku": [{**good, "sku": "nothing"}],
        "in_the_future": [shelf.entry(1, occurred_at="2099-01-01T00:00:00Z")],
        "card_number": [shelf.entry(1, reason="4111 1111 1111 1111")],
        "not_enough_there": [shelf.entry(1, "scrapped")],
    }  # fmt: skip
    entries = [entry for kind in bad.values() for entry in kind]
    results = await shelf.move(good, *entries, good)
    assert [result["index"] for result in results] == list(range(len(entries) + 2))
    codes = [code for code, kind in bad.items() for _ in kind]
    assert [result.get("code") for result in results] == [None, *codes, None]
    assert results[1]["detail"].startswith("/sku: ")
    assert "no blanks at its ends" in results[3]["detail"]
    assert (await shelf.level())["sellable"] == 2


async def test_nothing_leaves_that_is_not_there_and_the_reply_says_what_is(shelf: Shelf) -> None:
    results = await shelf.move(
        shelf.entry(3), shelf.entry(4, "damaged"), shelf.entry(4, "supplier_return"),
        shelf.entry(-4, "adjusted"), shelf.entry(1, "repaired"),
    )  # fmt: skip
    assert [result.get("detail") for result in results] == [
        None, "sellable holds 3", "sellable holds 3", "sellable holds 3", "damaged holds 0",
    ]  # fmt: skip
    assert (await shelf.level())["sellable"] == 3


async def test_a_source_key_counts_once_however_often_it_is_sent(shelf: Shelf) -> None:
    entry = shelf.entry(5, source_key=f"delivery/{shelf.sku}")
    (first,) = await shelf.move(entry)
    results = await shelf.move(entry, entry)
    assert {result["status"] for result in results} == {"duplicate"}
    assert {result["movement"] for result in results} == {first["movement"]}
    assert (await shelf.level())["sellable"] == 5


async def test_the_same_request_again_gives_the_same_bytes_and_moves_nothing(shelf: Shelf) -> None:
    body = {"movements": [shelf.entry(5), shelf.entry(0), shelf.entry(9, "damaged")]}
    first = await shelf.service.post("/v1/stock/movements", body, key=f"k-{shelf.sku}")
    again = await shelf.service.post("/v1/stock/movements", body, key=f"k-{shelf.sku}")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await shelf.service.post("/v1/stock/movements", {"movements": []}, key=f"k-{shelf.sku}")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await shelf.level())["sellable"] == 5


async def test_only_the_envelope_can_fail_as_a_whole(shelf: Shelf) -> None:
    async def refused(body: object) -> tuple[int, str]:
        reply = await shelf.service.post("/v1/stock/movements", body)
        return reply.status_code, reply.json()["code"]

    assert await refused({"movements": [shelf.entry(1)] * 1001}) == (413, "batch_too_large")
    assert await refused({"movements": {}}) == (400, "invalid_request")
    assert await refused([shelf.entry(1)]) == (400, "invalid_request")
    assert await refused({"movements": [], "dry_run": True}) == (400, "invalid_request")
    reply = await shelf.service.post("/v1/stock/movements", {"movements": []}, key="")
    assert reply.json()["code"] == "idempotency_key_required"
    assert await shelf.move() == []
    assert len(await shelf.move(*[shelf.entry(1)] * 1000)) == 1000
    assert (await shelf.level())["sellable"] == 1000


async def test_a_token_moves_goods_at_its_own_places_only(shelf: Shelf) -> None:
    elsewhere = await shelf.beside()
    token = await shelf.service.token("stock:write", locations=[shelf.location])
    results = await shelf.move(shelf.entry(1), elsewhere.entry(1), token=token)
    assert [result.get("code") for result in results] == [None, "forbidden_location"]
    for path in ("", "/movements", "/explanation"):
        reply = await shelf.service.get(elsewhere.url + path, token=token)
        assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_location")
    assert (await elsewhere.count(1, token=token)).status_code == 403
    reader = await shelf.service.token("stock:read")
    assert (await shelf.service.get(shelf.url, token=reader)).status_code == 200
    assert (await shelf.count(1, token=reader)).json()["code"] == "forbidden_scope"


async def test_entries_of_another_cell_are_refused_in_one_request(shelf: Shelf) -> None:
    far = await shelf.beside(cell=2)
    results = await shelf.move(shelf.entry(1), far.entry(1))
    assert [result.get("code") for result in results] == [None, "cross_cell"]
    (result,) = await far.move(far.entry(3))
    assert result["movement"].endswith("0002")
    assert (await far.level())["sellable"] == 3


async def test_increments_sent_at_once_all_count_c14(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(10))
    await asyncio.gather(*(shelf.move(shelf.entry(5)) for _ in range(8)))
    assert (await shelf.level())["sellable"] == 50


async def test_a_sku_of_digits_stays_text_c20(shelf_of: Any) -> None:
    shelf = await shelf_of({}, {"sku": "000123456789"})
    await shelf.move(shelf.entry(4))
    assert (await shelf.level())["sku"] == "000123456789"
    assert (await shelf.count(3, 4)).status_code == 200


async def test_each_place_has_its_own_stock_a18(shelf: Shelf) -> None:
    other = await shelf.beside()
    await shelf.move(shelf.entry(100), other.entry(120))
    assert (await shelf.level())["sellable"] == 100
    assert (await other.level())["sellable"] == 120
    found = (await shelf.service.get(f"/v1/availability/{shelf.sku}")).json()["locations"]
    assert sum(place["available"] for place in found) == 220
