"""What tills say, as behaviours (contract §5, domain §2.3, R17)."""

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest


class Till:
    """A till at its own shop, with one item that has a barcode; names are the test's own."""

    def __init__(self, service: Any, place: str, sku: str, gtin: str) -> None:
        self.service = service
        self.place = place
        self.sku = sku
        self.gtin = gtin
        self.terminal = f"{place}-1"

    def receipt(self, sequence: int, *lines: dict[str, Any], **of: Any) -> dict[str, Any]:
        """A receipt with lines numbered from 1."""
        return {
            "terminal": self.terminal,
            "sequence": sequence,
            "kind": "sale",
            "occurred_at": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
            "currency": "DKK",
            "lines": [{"line": number, **line} for number, line in enumerate(lines, start=1)],
            **of,
        }

    def sale(self, sequence: int, quantity: int = 1, **of: Any) -> dict[str, Any]:
        """One line of the item."""
        line = {"gtin": self.gtin, "quantity": quantity, "unit_price": 100, "paid": 100 * quantity}
        return self.receipt(sequence, line, **of)

    def void(self, sequence: int, of: int, **more: Any) -> dict[str, Any]:
        """A void of one of the till's own receipts."""
        voids = {"terminal": self.terminal, "sequence": of}
        return self.receipt(sequence, kind="void", voids=voids, **more)

    async def post(self, *receipts: Any, **of: Any) -> dict[str, Any]:
        """The reply, which is always 200."""
        body = {"receipts": list(receipts), **of.pop("body", {})}
        reply = await self.service.post("/v1/pos/receipts", body, key="", **of)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def statuses(self, *receipts: Any, **of: Any) -> list[str]:
        """One status a receipt."""
        return [result["status"] for result in (await self.post(*receipts, **of))["results"]]

    async def level(self, account: str = "sellable") -> int:
        """What the book says."""
        rows = await self.service.sql(
            f"""select s.{account} from stock.stock_level s
            join locations.location l using (location_id) join catalog.item i using (sku_id)
            where l.location = $1 and i.sku = $2""",
            self.place,
            self.sku,
        )
        return rows[0][account] if rows else 0

    async def entries(self) -> list[dict[str, Any]]:
        """The ledger of the item at the place, oldest first."""
        return await self.service.sql(
            """select e.* from stock.ledger_entry e
            join locations.location l using (location_id) join catalog.item i using (sku_id)
            where l.location = $1 and i.sku = $2 order by e.ledger_sequence""",
            self.place,
            self.sku,
        )

    async def exceptions(self, **query: str) -> list[dict[str, Any]]:
        """What a person has to look at here, newest first."""
        text = "".join(f"&{name}={value}" for name, value in query.items())
        reply = await self.service.get(f"/v1/pos/exceptions?location={self.place}{text}")
        assert reply.status_code == 200, reply.text
        return reply.json()["items"]


def new_gtin() -> str:
    """A fresh GTIN-13."""
    digits = "57" + "".join(secrets.choice("0123456789") for _ in range(10))
    weighed = sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(digits))
    return digits + str(-weighed % 10)


@pytest.fixture
async def till(service: Any) -> Till:
    place = await service.place()
    gtin = new_gtin()
    sku = await service.item(gtins=[gtin])
    made = Till(service, place, sku, gtin)
    reply = await service.put(
        f"/v1/pos/terminals/{made.terminal}", {"location": place, "name": "Till 1"}
    )
    assert reply.status_code == 201, reply.text
    return made


async def test_a_sale_leaves_the_shelf_at_once(till: Till) -> None:
    await till.service.receive(till.place, till.sku, 10)
    reply = await till.post(till.sale(1201, 2))
    (result,) = reply["results"]
    assert result["status"] == "posted"
    assert result["problems"] == []
    assert (result["terminal"], result["sequence"]) == (till.terminal, 1201)
    assert (reply["posted"], reply["duplicates"], reply["refused"]) == (1, 0, 0)
    assert await till.level() == 8
    entry = (await till.entries())[-1]
    assert (entry["from_account"], entry["to_account"], entry["quantity"]) == (
        "sellable",
        "customer",
        2,
    )
    assert str(entry["document_id"]) == result["receipt"]


async def test_a_sale_is_never_refused_for_want_of_stock(till: Till) -> None:
    assert await till.statuses(till.sale(1, 3)) == ["posted"]
    assert await till.level() == -3
    assert await till.level("frozen_reason") == "negative_stock"


async def test_a_receipt_sent_again_adds_nothing_and_names_the_first(till: Till) -> None:
    sale = till.sale(1, 2)
    first = await till.post(sale)
    again = await till.post(sale)
    assert again["results"][0]["status"] == "duplicate"
    assert again["results"][0]["receipt"] == first["results"][0]["receipt"]
    assert again["results"][0]["first_status"] == "posted"
    assert (again["posted"], again["duplicates"]) == (0, 1)
    assert await till.level() == -2
    assert len(await till.entries()) == 1


async def test_another_zone_or_null_fields_or_field_order_make_no_other_receipt(till: Till) -> None:
    sale = till.sale(1, occurred_at="2026-11-21T10:12:00+01:00", order=None, customer=None)
    zulu = {**sale, "occurred_at": "2026-11-21T09:12:00Z", "epoch": 1}
    del zulu["order"], zulu["customer"]
    body = {"body": {"backfill": True}}
    assert await till.statuses(sale, **body) == ["posted"]
    assert await till.statuses(dict(reversed(zulu.items())), **body) == ["duplicate"]


async def test_another_receipt_under_a_taken_number_is_kept_and_never_applied(till: Till) -> None:
    first = (await till.post(till.sale(1, 2)))["results"][0]
    altered = till.sale(1, 5)
    for _ in range(2):
        (result,) = (await till.post(altered))["results"]
        assert result["status"] == "conflict"
        assert result["receipt"] == first["receipt"]
    assert await till.level() == -2
    (kept,) = await till.exceptions(kind="conflict")
    assert kept["body"]["lines"][0]["quantity"] == 5
    assert (kept["terminal"], kept["sequence"], kept["state"]) == (till.terminal, 1, "open")


async def test_twins_in_one_request_are_told_apart_the_first_one_wins(till: Till) -> None:
    sale, altered = till.sale(7, 1), till.sale(7, 4)
    assert await till.statuses(sale, sale, altered) == ["posted", "duplicate", "conflict"]
    assert await till.level() == -1
    assert len(await till.exceptions(kind="conflict")) == 1


async def test_a_bad_receipt_is_refused_in_its_place_and_its_neighbours_post(till: Till) -> None:
    bad = [
        {**till.sale(2), "colour": "red"},
        till.sale(3, 0),
        {"terminal": till.terminal},
        "text",
        till.receipt(4, {"quantity": 1}),
        till.sale(5, occurred_at="yesterday"),
        {**till.sale(6), "lines": [{"line": 1, "gtin": "1", "quantity": 1.5}]},
        till.receipt(7, kind="void"),
        {**till.sale(8), "sequence": 2**63},
        {**till.sale(9), "customer": "a\x00b"},
        till.sale(10, occurred_at="0001-01-01T00:00:00+14:00"),
    ]
    reply = await till.post(till.sale(1), *bad, till.sale(11))
    statuses = [result["status"] for result in reply["results"]]
    assert statuses == ["posted", *["refused"] * len(bad), "posted"]
    assert (reply["posted"], reply["refused"]) == (2, len(bad))
    for index, result in enumerate(reply["results"][1:-1], start=1):
        assert result["index"] == index
        assert result["code"]
        assert result["detail"]
    assert reply["results"][1]["sequence"] == 2
    assert reply["results"][2]["code"] == "zero_quantity"
    assert await till.level() == -2


async def test_a_broken_envelope_is_refused_as_a_whole(till: Till) -> None:
    send = till.service.post
    assert (await send("/v1/pos/receipts", {"receipts": {}}, key="")).status_code == 400
    assert (await send("/v1/pos/receipts", [], key="")).status_code == 400
    many = {"receipts": [till.sale(n) for n in range(1, 1002)]}
    reply = await send("/v1/pos/receipts", many, key="")
    assert (reply.status_code, reply.json()["code"]) == (413, "batch_too_large")
    line = {"gtin": till.gtin, "quantity": 1}
    wide = {"receipts": [till.receipt(n, *[line] * 501) for n in (1, 2)]}
    reply = await send("/v1/pos/receipts", wide, key="")
    assert (reply.status_code, reply.json()["code"]) == (413, "batch_too_large")
    assert await till.level() == 0


async def test_a_thousand_lines_in_one_request_post_at_once(till: Till) -> None:
    line = {"gtin": till.gtin, "quantity": 1}
    receipts = [till.receipt(n, *[line] * 10) for n in range(1, 101)]
    reply = await till.post(*receipts)
    assert reply["posted"] == 100
    assert await till.level() == -1000
    assert (await till.post(*receipts))["duplicates"] == 100


async def test_an_unknown_barcode_is_kept_and_the_rest_of_the_receipt_posts(till: Till) -> None:
    receipt = till.receipt(
        1,
        {"gtin": till.gtin, "quantity": 1},
        {"gtin": "not a barcode", "quantity": 2},
        {"sku": "nobody-knows-this", "quantity": 3},
    )
    (result,) = (await till.post(receipt))["results"]
    assert result["status"] == "partly_posted"
    assert [(p["line"], p["code"]) for p in result["problems"]] == [
        (2, "unmapped"),
        (3, "unmapped"),
    ]
    assert await till.level() == -1
    kept = await till.exceptions(kind="unmapped")
    assert sorted((k["line"], k["gtin"], k["quantity"]) for k in kept) == [
        (2, "not a barcode", 2),
        (3, None, 3),
    ]
    assert kept[0]["receipt"] == result["receipt"]
    assert await till.statuses(receipt) == ["duplicate"]
    assert len(await till.exceptions()) == 2


async def test_a_pack_counts_as_many_units_as_it_holds(till: Till) -> None:
    pack = new_gtin()
    sku = await till.service.item(gtins=[new_gtin()], packs=[{"gtin": pack, "factor": 6}])
    till.sku = sku
    assert await till.statuses(till.receipt(1, {"gtin": pack, "quantity": 2})) == ["posted"]
    assert await till.level() == -12


async def test_an_item_without_stock_is_sold_without_a_ledger(till: Till) -> None:
    sku = await till.service.item(stock_tracked=False)
    (result,) = (await till.post(till.receipt(1, {"sku": sku, "quantity": 1})))["results"]
    assert result["status"] == "posted"
    rows = await till.service.sql(
        "select quantity from sales.sale_line where document_id = $1", result["receipt"]
    )
    assert [row["quantity"] for row in rows] == [1]
    till.sku = sku
    assert await till.entries() == []


async def test_a_receipt_of_an_unknown_terminal_is_kept_and_posts_once_it_is_known(
    till: Till,
) -> None:
    known = till.terminal
    till.terminal = f"{till.place}-2"
    receipt = till.sale(1)
    for _ in range(2):
        (result,) = (await till.post(receipt))["results"]
        assert (result["status"], result["code"]) == ("refused", "unknown_terminal")
    rows = await till.service.sql(
        "select kind from pos.exception where terminal = $1", till.terminal
    )
    assert [row["kind"] for row in rows] == ["unknown_terminal"]
    await till.service.put(f"/v1/pos/terminals/{till.terminal}", {"location": till.place})
    assert await till.statuses(receipt) == ["posted"]
    assert till.terminal != known


async def test_a_return_that_names_its_sale_goes_back_to_the_shelf_if_resaleable(
    till: Till,
) -> None:
    await till.post(till.sale(1, 5))
    ref = {"terminal": till.terminal, "sequence": 1, "line": 1}
    back = {"gtin": till.gtin, "sale": ref}
    assert await till.statuses(
        till.receipt(2, {**back, "quantity": -2, "resaleable": True}, kind="return"),
        till.receipt(3, {**back, "quantity": -1}, kind="return"),
        till.receipt(4, {"gtin": till.gtin, "quantity": -1, "resaleable": True}, kind="return"),
    ) == ["posted", "posted", "posted"]
    assert await till.level() == -3
    assert await till.level("quarantine") == 2
    rows = await till.service.sql(
        """select returned from sales.sale_line s join pos.receipt r on r.receipt_id = s.document_id
        where r.terminal = $1""",
        till.terminal,
    )
    assert [row["returned"] for row in rows] == [3]


async def test_units_beyond_what_was_sold_wait_in_quarantine_for_a_person(till: Till) -> None:
    ref = {"terminal": till.terminal, "sequence": 1, "line": 1}
    back = {"gtin": till.gtin, "sale": ref, "quantity": -2, "resaleable": True}
    reply = await till.post(till.sale(1, 3), till.receipt(2, back), till.receipt(3, back))
    assert [result["status"] for result in reply["results"]] == ["posted"] * 3
    (problem,) = reply["results"][2]["problems"]
    assert (problem["code"], problem["quantity"]) == ("over_return", 1)
    assert await till.level() == 0
    assert await till.level("quarantine") == 1
    (kept,) = await till.exceptions(kind="over_return")
    assert (kept["sequence"], kept["quantity"]) == (3, 1)


async def test_a_return_of_an_unknown_sale_is_taken_and_says_so(till: Till) -> None:
    ref = {"terminal": till.terminal, "sequence": 99, "line": 1}
    back = {"gtin": till.gtin, "sale": ref, "quantity": -1, "resaleable": True}
    (result,) = (await till.post(till.receipt(1, back, kind="return")))["results"]
    assert result["status"] == "posted"
    assert [problem["code"] for problem in result["problems"]] == ["sale_not_found"]
    assert await till.level("quarantine") == 1


async def test_an_exchange_moves_both_ways(till: Till) -> None:
    lines = [{"gtin": till.gtin, "quantity": 3}, {"gtin": till.gtin, "quantity": -1}]
    assert await till.statuses(till.receipt(1, *lines, kind="exchange")) == ["posted"]
    assert (await till.level(), await till.level("quarantine")) == (-3, 1)


async def test_an_opened_drawer_is_a_receipt_too(till: Till) -> None:
    assert await till.statuses(till.receipt(1, kind="no_sale")) == ["posted"]
    assert await till.entries() == []


async def test_a_void_reverses_its_sale_exactly_once_story_9b(till: Till) -> None:
    await till.service.receive(till.place, till.sku, 2)
    await till.post(till.sale(1))
    hold = {"location": till.place, "lines": [{"sku": till.sku, "quantity": 1}]}
    assert (await till.service.post("/v1/reservations", hold)).status_code == 201
    void = till.void(2, 1)
    assert await till.statuses(void) == ["posted"]
    assert await till.statuses(void) == ["duplicate"]
    assert await till.statuses(till.void(3, 1)) == ["conflict"]
    assert await till.statuses(till.void(4, 2)) == ["conflict"]
    assert await till.level() == 2
    assert await till.level("reserved") == 1
    sold, reversal = (await till.entries())[-2:]
    assert reversal["reverses"] == sold["ledger_sequence"]
    assert (reversal["from_account"], reversal["to_account"]) == ("customer", "sellable")
    assert len(await till.exceptions(kind="conflict")) == 2


async def test_a_void_before_its_sale_waits_and_nets_to_nothing_story_9c(till: Till) -> None:
    assert await till.statuses(till.void(2, 1)) == ["parked"]
    assert [e["state"] for e in await till.exceptions(kind="parked")] == ["open"]
    assert await till.statuses(till.void(2, 1)) in (["conflict"], ["duplicate"])
    assert await till.statuses(till.sale(1, 3)) == ["posted"]
    assert await till.level() == 0
    assert len(await till.entries()) == 2
    assert [e["state"] for e in await till.exceptions(kind="parked")] == ["resolved"]
    rows = await till.service.sql(
        "select sequence, status from pos.receipt where terminal = $1 order by sequence",
        till.terminal,
    )
    assert [(row["sequence"], row["status"]) for row in rows] == [(1, "voided"), (2, "posted")]


async def test_a_void_and_its_sale_in_one_request_net_to_nothing_either_way_round(
    till: Till,
) -> None:
    assert await till.statuses(till.sale(1), till.void(2, 1)) == ["posted", "posted"]
    assert await till.statuses(till.void(4, 3), till.sale(3)) == ["parked", "posted"]
    assert await till.level() == 0
    assert len(await till.entries()) == 4


async def test_a_voided_return_gives_its_units_back_to_the_sale(till: Till) -> None:
    ref = {"terminal": till.terminal, "sequence": 1, "line": 1}
    back = {"gtin": till.gtin, "sale": ref, "quantity": -2}
    await till.post(till.sale(1, 2), till.receipt(2, back), till.void(3, 2))
    assert await till.level("quarantine") == 0
    (result,) = (await till.post(till.receipt(4, back)))["results"]
    assert result["problems"] == []
    assert await till.level("quarantine") == 2


async def test_a_receipt_from_the_past_the_future_or_too_large_waits_for_a_person(
    till: Till,
) -> None:
    now = datetime.now(UTC)
    old = till.sale(1, occurred_at=(now - timedelta(days=8)).isoformat())
    ahead = till.sale(2, occurred_at=(now + timedelta(minutes=11)).isoformat())
    large = till.sale(3, 10_000)
    assert await till.statuses(old, ahead, large, till.sale(4)) == [
        *["held_for_review"] * 3,
        "posted",
    ]
    assert await till.level() == -1
    assert await till.statuses(old, large) == ["duplicate", "duplicate"]
    assert len(await till.exceptions(kind="held_for_review", state="open")) == 3


async def test_a_backfill_posts_old_and_large_receipts_with_their_own_time(till: Till) -> None:
    old = till.sale(1, 10_000, occurred_at="2020-01-02T03:04:05Z")
    assert await till.statuses(old, body={"backfill": True}) == ["posted"]
    (entry,) = await till.entries()
    assert entry["occurred_at"] == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    token = await till.service.token("pos:write")
    reply = await till.service.post(
        "/v1/pos/receipts", {"receipts": [], "backfill": True}, token=token, key=""
    )
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_scope")


async def test_what_review_held_is_posted_when_a_person_accepts_it(till: Till) -> None:
    at = datetime.now(UTC) - timedelta(days=30)
    await till.post(till.sale(1, 2, occurred_at=at.isoformat()))
    (held,) = await till.exceptions(kind="held_for_review")
    path = f"/v1/pos/exceptions/{held['id']}/resolve"
    body = {"action": "accept", "reason": "the till was in the cellar"}
    first = await till.service.post(path, body, key="accept-it-" + held["id"])
    assert (first.status_code, first.json()["status"]) == (200, "posted"), first.text
    again = await till.service.post(path, body, key="accept-it-" + held["id"])
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    late = await till.service.post(path, body)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    assert await till.level() == -2
    (entry,) = await till.entries()
    assert entry["occurred_at"] == at
    assert (await till.exceptions())[0]["resolution"]["reason"] == "the till was in the cellar"


async def test_what_review_held_never_posts_when_a_person_rejects_it(till: Till) -> None:
    receipt = till.sale(1, 10_000)
    await till.post(receipt)
    (held,) = await till.exceptions()
    path = f"/v1/pos/exceptions/{held['id']}/resolve"
    assert (await till.service.post(path, {"action": "reject"})).json()["status"] == "rejected"
    assert await till.statuses(receipt) == ["duplicate"]
    assert await till.level() == 0


async def test_only_what_review_holds_can_be_accepted_so_far(till: Till) -> None:
    await till.post(till.receipt(1, {"gtin": "0", "quantity": 1}))
    (unmapped,) = await till.exceptions()
    path = f"/v1/pos/exceptions/{unmapped['id']}/resolve"
    for body in ({"action": "accept"}, {"action": "map", "sku": till.sku}):
        reply = await till.service.post(path, body)
        assert (reply.status_code, reply.json()["code"]) == (409, "wrong_state")
    foreign = "/v1/pos/exceptions/00000000-0000-7000-8000-000000000001/resolve"
    assert (await till.service.post(foreign, {"action": "accept"})).status_code == 404


async def test_a_till_of_another_shop_is_refused_and_unseen(till: Till) -> None:
    elsewhere = await till.service.place()
    token = await till.service.token("pos:write", locations=[elsewhere])
    (result,) = (await till.post(till.sale(1), token=token))["results"]
    assert (result["status"], result["code"]) == ("refused", "forbidden_location")
    assert await till.statuses(till.sale(1)) == ["posted"]
    (result,) = (await till.post(till.sale(1), token=token))["results"]
    assert result["code"] == "forbidden_location"
    get = till.service.get
    assert (await get(f"/v1/pos/terminals/{till.terminal}", token=token)).status_code == 404
    assert (await get("/v1/pos/terminals", token=token)).json()["items"] == []
    assert (await get(f"/v1/pos/exceptions?location={till.place}", token=token)).status_code == 403


async def test_card_numbers_are_masked_and_barcodes_are_not(till: Till) -> None:
    receipt = till.receipt(
        1,
        {"gtin": "4111111111111111", "text": "card 4111 1111 1111 1111 ok", "quantity": 1},
        payment="4111111111111111",
        customer="01939482-1234-7123-8123-123456789012",
    )
    assert await till.statuses(receipt) == ["partly_posted"]
    (row,) = await till.service.sql(
        "select body::text from pos.receipt where terminal = $1", till.terminal
    )
    assert '"payment": "************1111"' in row["body"]
    assert "card ************1111 ok" in row["body"]
    assert '"gtin": "4111111111111111"' in row["body"]
    assert "01939482-1234-7123-8123-123456789012" in row["body"]


async def test_a_terminal_tells_how_far_it_has_come(till: Till) -> None:
    path = f"/v1/pos/terminals/{till.terminal}"
    before = (await till.service.get(path)).json()
    assert (before["last_sequence"], before["last_seen_at"]) == (None, None)
    await till.post(till.sale(1202), till.sale(1201))
    found = (await till.service.get(path)).json()
    assert found["location"] == till.place
    assert (found["first_sequence"], found["last_sequence"]) == (1201, 1202)
    assert found["last_seen_at"]
    changed = await till.service.put(path, {"location": till.place, "name": "By the door"})
    assert (changed.status_code, changed.json()["name"]) == (200, "By the door")
    assert changed.json()["last_sequence"] == 1202


async def test_a_replaced_till_starts_a_count_of_its_own(till: Till) -> None:
    await till.post(till.sale(1))
    path = f"/v1/pos/terminals/{till.terminal}"
    reply = await till.service.put(path, {"location": till.place, "epoch": 2, "first_sequence": 1})
    assert reply.status_code == 201
    assert await till.statuses(till.sale(1, 2)) == ["posted"]
    assert await till.statuses({**till.sale(2), "epoch": 1}) == ["posted"]
    assert await till.level() == -4


async def test_terminals_that_cannot_be_are_refused(till: Till) -> None:
    put = till.service.put
    nowhere = await put("/v1/pos/terminals/x-1", {"location": "nowhere-at-all"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "unknown_location")
    assert (await put("/v1/pos/terminals/a%20b", {"location": till.place})).status_code == 400
    token = await till.service.token("locations:write", locations=["elsewhere"])
    foreign = await put(f"/v1/pos/terminals/{till.terminal}", {"location": till.place}, token=token)
    assert foreign.status_code == 403


async def test_exceptions_page_newest_first(till: Till) -> None:
    for sequence in (1, 2, 3):
        await till.post(till.receipt(sequence, {"gtin": "0", "quantity": 1}))
    path = f"/v1/pos/exceptions?location={till.place}&limit=2"
    first = (await till.service.get(path)).json()
    assert [entry["sequence"] for entry in first["items"]] == [3, 2]
    rest = (await till.service.get(f"{path}&cursor={first['next_cursor']}")).json()
    assert [entry["sequence"] for entry in rest["items"]] == [1]
    assert rest["next_cursor"] is None
    assert (await till.service.get(f"{path}&cursor=eA")).status_code == 400


async def test_every_receipt_tells_its_story_in_numbered_events(till: Till) -> None:
    reply = await till.post(
        till.receipt(1, {"gtin": till.gtin, "quantity": 1}, {"gtin": "0", "quantity": 1}),
        till.sale(1),
        till.void(2, 1),
    )
    sale, _, void = (result["receipt"] for result in reply["results"])
    rows = await till.service.sql(
        """select subject, subject_sequence, type from events.event
        where subject in ($1, $2) order by sequence""",
        f"receipt/{sale}",
        f"receipt/{void}",
    )
    told = [(row["type"], row["subject_sequence"]) for row in rows if sale in row["subject"]]
    assert told == [
        ("pos.posted", 1),
        ("pos.line_unmapped", 2),
        ("pos.voided", 3),
        ("pos.conflict", 4),
    ]
    assert [row["type"] for row in rows if void in row["subject"]] == ["pos.posted"]


async def test_any_order_and_duplication_of_posted_receipts_ends_in_the_same_book(
    till: Till,
) -> None:
    sent = [till.sale(1, 3), till.sale(2, 4), till.void(3, 1), till.sale(4, 5), till.void(5, 4)]
    shuffled = random.Random(till.terminal)
    for _ in range(3):
        order = sent * 2
        shuffled.shuffle(order)
        for start in range(0, len(order), 3):
            await till.post(*order[start : start + 3])
    assert await till.level() == -4
    assert sum(1 for entry in await till.entries() if entry["kind"] == "sale") == 3
    assert sum(1 for entry in await till.entries() if entry["kind"] == "void") == 2
