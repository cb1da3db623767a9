"""Levels, counts and the ledger over HTTP: what is there, and why (contract §3, R19)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Shelf = Any  # the one of conftest


# --- one-line counts


async def test_a_count_sets_the_book_and_needs_to_know_it_c06(shelf: Shelf) -> None:
    assert (await shelf.count(0, 0)).json()["sellable"] == 0
    assert (await shelf.ledger())["items"] == []
    assert (await shelf.count(5, 0)).json()["sellable"] == 5
    assert (await shelf.count(3, 5)).json()["available"] == 3
    assert (await shelf.count(-1, 3)).status_code == 400
    found = [(e["from"], e["quantity"], e["kind"]) for e in (await shelf.ledger())["items"]]
    assert found == [("sellable", 2, "count"), ("shrink", 5, "count")]
    refused = await shelf.count(9, 4)
    assert (refused.status_code, refused.json()["code"]) == (409, "expected_quantity_mismatch")
    assert refused.json()["actual"] == 3
    assert (await shelf.level())["sellable"] == 3


@pytest.mark.parametrize("missing", ["sellable", "expected", "reason"])
async def test_a_count_without_one_of_its_words_is_refused_r87(shelf: Shelf, missing: str) -> None:
    body = {"sellable": 1, "expected": None, "reason": "count"}
    del body[missing]
    reply = await shelf.service.put(shelf.url, body)
    assert (reply.status_code, missing in reply.json()["detail"]) == (400, True)
    for reason in ("", "  ", None, "a\x00"):
        reply = await shelf.service.put(shelf.url, {**body, missing: 1, "reason": reason})
        assert reply.status_code == 400, reason
    card = {"sellable": 1, "expected": None, "reason": "4111111111111111"}
    assert (await shelf.service.put(shelf.url, card)).json()["code"] == "card_number"


async def test_a_count_equal_to_the_book_is_remembered(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(5))
    assert (await shelf.level())["last_counted_at"] is None
    level = (await shelf.count(5, 5)).json()
    assert level["last_counted_at"] == level["as_of"]["at"]
    assert len((await shelf.ledger())["items"]) == 1


async def test_a_client_cannot_write_what_is_reserved_a19(shelf: Shelf) -> None:
    body = {"sellable": 5, "expected": None, "reason": "count", "reserved": 1000}
    assert (await shelf.service.put(shelf.url, body)).status_code == 400
    assert (await shelf.count(5)).json()["reserved"] == 0


async def test_a_count_is_made_only_on_what_was_read_if_asked_so(shelf: Shelf) -> None:
    first = await shelf.count(5)
    tag = first.headers["etag"]
    assert (await shelf.service.get(shelf.url)).headers["etag"] == tag
    await shelf.move(shelf.entry(1))
    stale = await shelf.count(4, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    fresh = (await shelf.service.get(shelf.url)).headers["etag"]
    assert (await shelf.count(4, headers={"If-Match": fresh})).status_code == 200


async def test_a_count_thaws_what_a_till_sold_below_zero(shelf: Shelf) -> None:
    till = f"{shelf.location}-1"
    await shelf.service.put(f"/v1/pos/terminals/{till}", {"location": shelf.location})
    sale = {
        "terminal": till, "sequence": 1, "kind": "sale", "currency": "DKK",
        "occurred_at": datetime.now(UTC).isoformat(),
        "lines": [{"line": 1, "sku": shelf.sku, "quantity": 2, "unit_price": 1, "paid": 2}],
    }  # fmt: skip
    await shelf.service.post("/v1/pos/receipts", {"receipts": [sale]}, key="")
    level = await shelf.level()
    assert (level["sellable"], level["available"], level["frozen"]) == (-2, 0, True)
    await shelf.move(shelf.entry(10))
    level = await shelf.level()
    assert (level["sellable"], level["available"], level["frozen"]) == (8, 0, True)
    level = (await shelf.count(8, 8)).json()
    assert (level["available"], level["frozen"], level["frozen_reason"]) == (8, False, None)


async def test_the_safety_stock_of_a_place_is_overridden_for_one_item(shelf_of: Any) -> None:
    shelf = await shelf_of({"safety_stock": 1}, {})
    service = shelf.service
    await shelf.move(shelf.entry(5))
    assert (await shelf.level())["available"] == 4
    url = f"{shelf.url}/safety-stock"
    level = (await service.put(url, {"safety_stock": 3})).json()
    assert (level["safety_stock"], level["available"]) == (3, 2)
    assert level == await shelf.level()
    level = (await service.put(url, {"safety_stock": None})).json()
    assert (level["safety_stock"], level["available"]) == (1, 4)
    assert (await service.put(url, {"safety_stock": -1})).status_code == 400
    assert (await service.put(url, {})).status_code == 400
    stale = await service.put(url, {"safety_stock": 2}, headers={"If-Match": '"x"'})
    assert stale.status_code == 412


# --- reading


async def test_an_item_never_stocked_at_a_place_has_zeros_and_no_time(shelf: Shelf) -> None:
    level = await shelf.level()
    assert (level["on_hand"], level["available"]) == (0, 0)
    assert level["as_of"] == {"sequence": 0, "at": None}
    assert (await shelf.ledger()) == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("path", ["", "/movements", "/explanation"])
async def test_an_unknown_place_or_item_is_not_found(shelf: Shelf, path: str) -> None:
    for url in (
        f"/v1/stock/{shelf.location}/nothing", f"/v1/stock/nowhere/{shelf.sku}",
        f"/v1/stock/%E2%98%83/{shelf.sku}",
    ):  # fmt: skip
        reply = await shelf.service.get(url + path)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found"), url


async def test_a_bag_is_no_stock(shelf_of: Any) -> None:
    shelf = await shelf_of({}, {"stock_tracked": False})
    (result,) = await shelf.move(shelf.entry(1))
    assert result["code"] == "not_stock_tracked"
    reply = await shelf.count(1)
    assert (reply.status_code, reply.json()["code"]) == (422, "not_stock_tracked")


async def test_the_same_state_has_the_same_etag_r60(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(5))
    first = await shelf.service.get(shelf.url)
    tag = first.headers["etag"]
    same = await shelf.service.get(shelf.url, headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    await shelf.move(shelf.entry(1))
    changed = await shelf.service.get(shelf.url, headers={"If-None-Match": tag})
    assert changed.status_code == 200


async def test_a_hold_is_taken_off_until_its_end_and_not_a_moment_longer(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(5))
    hold = {"location": shelf.location, "lines": [{"sku": shelf.sku, "quantity": 2}]}
    made = (await shelf.service.post("/v1/reservations", hold)).json()
    level = await shelf.level()
    assert (level["reserved"], level["unpicked"], level["available"]) == (2, 2, 3)
    shelf.service.db.now = datetime.fromisoformat(made["expires_at"])
    try:
        level = await shelf.level()
        why = (await shelf.service.get(f"{shelf.url}/explanation")).json()
    finally:
        shelf.service.db.now = None
    assert (level["reserved"], level["unpicked"], level["available"]) == (0, 0, 5)
    assert (why["claims"], why["available"]) == ([], 5)


async def test_the_explanation_adds_up_r19(shelf_of: Any) -> None:
    shelf = await shelf_of({"safety_stock": 1}, {})
    service = shelf.service
    for _ in range(12):
        await shelf.move(shelf.entry(1))
    hold = {"location": shelf.location, "lines": [{"sku": shelf.sku, "quantity": 4}]}
    made = (await service.post("/v1/reservations", hold)).json()
    reply = await service.get(f"{shelf.url}/explanation")
    why, level = reply.json(), await shelf.level()
    terms = {term["name"]: term["value"] for term in why["terms"]}
    assert terms == {"sellable": 12, "unpicked": 4, "safety_stock": 1, "stale_buffer": 0}
    assert why["available"] == level["available"] == 12 - 4 - 1 - 0
    assert all(term["why"] for term in why["terms"])
    (claim,) = why["claims"]
    assert (claim["holder"], claim["kind"], claim["quantity"]) == (made["id"], "reservation", 4)
    assert claim["expires_at"] == made["expires_at"]
    assert len(why["movements"]) == 10
    assert why["confidence"] == 1.0
    assert reply.headers["etag"]


async def test_the_ledger_pages_newest_first_and_misses_nothing(shelf: Shelf) -> None:
    await shelf.move(*[shelf.entry(number) for number in range(1, 6)])
    found, url = [], f"{shelf.url}/movements?limit=2"
    while url:
        reply = await shelf.service.get(url)
        found += [entry["sequence"] for entry in reply.json()["items"]]
        link = reply.headers.get("link", "")
        assert bool(link) == (reply.json()["next_cursor"] is not None)
        url = link.partition(">")[0].removeprefix("<")
        if found[-1] == 4:
            await shelf.move(shelf.entry(9))
    assert found == [5, 4, 3, 2, 1]
    for query in ("?limit=0", "?limit=201", "?cursor=x", "?cursor=WzEwMDAwMDAwMDAwMDAwMDAwMDAwMF0"):
        assert (await shelf.service.get(f"{shelf.url}/movements{query}")).status_code == 400, query


async def test_the_balance_as_it_was_is_by_when_it_occurred_as_known_now(shelf: Shelf) -> None:
    now = datetime.now(UTC)
    days = [(now - timedelta(days=back)).isoformat() for back in (3, 2, 1)]
    await shelf.move(shelf.entry(10, occurred_at=days[0]))
    known = (await shelf.level())["as_of"]["at"]
    await shelf.move(shelf.entry(4, "damaged", occurred_at=days[1]))
    then = await shelf.level(f"?at={days[2].replace('+', '%2B')}")
    assert (then["sellable"], then["damaged"], then["on_hand"]) == (6, 4, 10)
    assert (await shelf.level(f"?at={days[0]}"))["sellable"] == 10
    before = (now - timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await shelf.level(f"?at={before}"))["on_hand"] == 0
    assert (await shelf.level(f"?known_at={known}"))["sellable"] == 10
    assert (await shelf.level(f"?at={days[2]}&known_at={known}"))["damaged"] == 0
    for unknown in ("reserved", "unpicked", "available", "safety_stock", "frozen"):
        assert then[unknown] is None


@pytest.mark.parametrize("query", ["at=yesterday", "at=", "at=2026-11-21T10:00:00", "on=x"])
async def test_a_time_that_cannot_be_read_is_refused(shelf: Shelf, query: str) -> None:
    reply = await shelf.service.get(f"{shelf.url}?{query}")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_request")


async def test_each_request_is_one_round_trip(shelf: Shelf) -> None:
    await shelf.move(shelf.entry(1))
    for request in (
        shelf.move(shelf.entry(1)), shelf.count(2), shelf.level(), shelf.ledger(),
        shelf.level("?at=2026-01-01T00:00:00Z"), shelf.service.get(f"{shelf.url}/explanation"),
        shelf.service.put(f"{shelf.url}/safety-stock", {"safety_stock": 1}),
    ):  # fmt: skip
        before = shelf.service.db.calls
        await request
        assert shelf.service.db.calls - before == 1
