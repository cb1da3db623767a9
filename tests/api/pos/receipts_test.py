"""What tills say, as behaviours (contract §5, domain §2.3, R17)."""

import json
import random
from typing import Any

import pytest

Till = Any


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
    pack = till.new_gtin()
    sku = await till.service.item(gtins=[till.new_gtin()], packs=[{"gtin": pack, "factor": 6}])
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
    rows = await till.service.sql(
        "select state from pos.exception where terminal = $1", till.terminal
    )
    assert [row["state"] for row in rows] == ["resolved"]
    assert till.terminal != known


async def test_an_opened_drawer_is_a_receipt_too(till: Till) -> None:
    assert await till.statuses(till.receipt(1, kind="no_sale")) == ["posted"]
    assert await till.entries() == []


async def test_a_till_of_another_shop_is_refused_and_unseen(till: Till) -> None:
    elsewhere = await till.service.place()
    token = await till.service.token("pos:write", locations=[elsewhere])
    (result,) = (await till.post(till.sale(1), token=token))["results"]
    assert (result["status"], result["code"]) == ("refused", "forbidden_location")
    assert await till.statuses(till.sale(1)) == ["posted"]
    (result,) = (await till.post(till.sale(1), token=token))["results"]
    assert result["code"] == "forbidden_location"
    abroad = f"{elsewhere}-1"
    await till.service.put(f"/v1/pos/terminals/{abroad}", {"location": elsewhere})
    void = {**till.void(2, 1), "terminal": abroad}
    (result,) = (await till.post(void, token=token))["results"]
    assert result["code"] == "forbidden_location"
    get = till.service.get
    assert (await get(f"/v1/pos/terminals/{till.terminal}", token=token)).status_code == 404
    listed = (await get("/v1/pos/terminals", token=token)).json()["items"]
    assert [entry["terminal"] for entry in listed] == [abroad]
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


@pytest.mark.parametrize(
    "bad",
    [
        rb'"\ud800"',
        b'"\xff\xfe"',
        b"1e400",
        b"9" * 4300,
        b"-0",
        b"1.0",
        b"true",
        b"null",
        b"{}",
        b'"' + "١٢".encode() + b'"',
        b'"' + b"x" * 5000 + b'"',
        rb'"a\u0000b"',
    ],
)
@pytest.mark.parametrize(
    "field", ["terminal", "sequence", "quantity", "gtin", "occurred_at", "order"]
)
async def test_no_text_or_number_a_till_can_send_breaks_its_neighbours(
    till: Till, field: str, bad: bytes
) -> None:
    good = json.dumps(till.sale(1)).encode()
    receipt = till.sale(2, order="o")
    text = json.dumps(receipt).encode()
    value = json.dumps(receipt.get(field, receipt["lines"][0].get(field))).encode()
    name = b'"' + field.encode() + b'": '
    assert name + value in text
    body = b'{"receipts": [' + text.replace(name + value, name + bad, 1) + b"," + good + b"]}"
    reply = await till.service.post(
        "/v1/pos/receipts", content=body, key="", headers={"Content-Type": "application/json"}
    )
    assert reply.status_code in (200, 400), reply.text
    if reply.status_code == 200:
        assert reply.json()["results"][1]["status"] == "posted"
        assert await till.level() in (-1, -2)
    else:
        assert await till.level() == 0
