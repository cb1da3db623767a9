"""Imports over HTTP: one bad line never loses the others (contract §2; R3, R12, R106)."""

import secrets
from typing import Any

import msgspec
import pytest

from tests.conftest import Service

CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}


async def send(service: Service, kind: str, text: str | bytes, **of: Any) -> dict[str, Any]:
    of.setdefault("headers", CSV)
    content = text.encode() if isinstance(text, str) else text
    reply = await service.post(f"/v1/imports/{kind}", content=content, key="", **of)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def gtin() -> str:
    """A GTIN-13 that nobody else in these tests has."""
    digits = "2" + str(secrets.randbelow(10**11)).zfill(11)
    weighted = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
    return digits + str(-weighted % 10)


def counts(tally: dict[str, Any]) -> tuple[int, int, int]:
    return tally["accepted"], tally["unchanged"], tally["rejected"]


def refusals(tally: dict[str, Any]) -> list[tuple[int, str]]:
    return [(error["line"], error["code"]) for error in tally["errors"]]


def unique(prefix: str = "k") -> str:
    return f"{prefix}{secrets.token_hex(5)}"


async def levels(service: Service, place: str, *skus: str) -> list[int]:
    found = []
    for sku in skus:
        reply = await service.get(f"/v1/stock/{place}/{sku}")
        found.append(reply.json()["sellable"])
    return found


async def entries(service: Service, sku: str) -> list[tuple[str, str, str, int]]:
    rows = await service.sql(
        "select e.kind, e.from_account, e.to_account, e.quantity from stock.ledger_entry e"
        " join catalog.item i using (sku_id) where i.sku = $1 order by e.ledger_sequence",
        sku,
    )
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


async def test_items_come_in_by_csv_with_lists_and_packs(service: Service):
    a, b, code, other, pack = unique(), unique(), gtin(), gtin(), gtin()
    text = (
        "sku,name,gtins,category,price,currency,stock_tracked,packs,image_urls\r\n"
        f'{a},"Throw, grey",{code}; {other},textiles,39900,DKK,,'
        f'"[{{""gtin"": ""{pack}"", ""factor"": 6}}]",\r\n'
        f"{b},Bag,,,,,false,,https://example.org/a.png;https://example.org/b.png\r\n"
    )
    assert counts(await send(service, "items", text)) == (2, 0, 0)
    assert counts(await send(service, "items", text)) == (0, 2, 0)
    item = (await service.get(f"/v1/items/{a}")).json()
    assert item["name"] == "Throw, grey"
    assert item["gtins"] == sorted([f"0{code}", f"0{other}"])
    assert item["packs"] == [{"gtin": f"0{pack}", "factor": 6}]
    bag = (await service.get(f"/v1/items/{b}")).json()
    assert (bag["stock_tracked"], bag["price"], len(bag["image_urls"])) == (False, None, 2)


async def test_places_come_in_by_csv_with_dotted_names(service: Service):
    code = unique("l")
    text = (
        "location,name,kind,time_zone,opening_hours.mon,opening_hours.sun,pickup.enabled,closures\n"
        f"{code},Odense,store,Europe/Copenhagen,10:00-18:00;19:00-20:00,,true,"
        '"[{""date"": ""2026-12-24""}]"\n'
    )
    assert counts(await send(service, "locations", text)) == (1, 0, 0)
    place = (await service.get(f"/v1/locations/{code}")).json()
    assert place["opening_hours"]["mon"] == [["10:00", "18:00"], ["19:00", "20:00"]]
    assert place["opening_hours"]["sun"] == []
    assert place["pickup"]["enabled"] is True
    assert place["closures"][0]["date"] == "2026-12-24"


async def test_a_place_that_comes_twice_ends_as_its_last_line_says(service: Service):
    first, second = unique("l"), unique("l")
    lines = ["location,name,kind,time_zone,cell"]
    lines += [f"{first},One,store,Europe/Oslo,7", f"{second},Other,store,Europe/Oslo,"]
    lines += [f"{first},Two,store,Europe/Oslo,", f"{first},Three,store,Europe/Oslo,8"]
    lines += [f"{second},Last,store,Europe/Oslo,"]
    tally = await send(service, "locations", "\n".join(lines))
    assert (counts(tally), refusals(tally)) == ((4, 0, 1), [(5, "cell_is_fixed")])
    names = [(await service.get(f"/v1/locations/{code}")).json() for code in (first, second)]
    assert [(name["name"], name["cell"]) for name in names] == [("Two", 7), ("Last", 1)]


async def test_every_kind_of_bad_line_is_told_and_loses_no_other(service: Service):
    good, code = [unique() for _ in range(4)], gtin()
    taken = await service.item(gtins=[code])
    lines = [
        b"sku,name,gtins,price,currency,colour",
        f"{good[0]},First,,,,".encode(),
        f"{unique()},Check digit,5701234567890,,,".encode(),
        f'{unique()},"stray quote,,,,'.encode(),
        f"{good[1]},Second,,,,".encode(),
        b"bad\xff\xfe,bytes,,,,",
        f"{unique()},{'x' * 300_000},,,,".encode(),
        f"{unique()},Unknown column,,,,red".encode(),
        f"{unique()},Too few".encode(),
        f"{unique()},Price,,12.50,DKK,".encode(),
        f"{unique()},Half a price,,1250,,".encode(),
        f"{unique()},Taken,{code},,,".encode(),
        b"",
        f'{good[2]},"Two\nlines",,,,'.encode(),
        f"{good[3]},Last,,,,".encode(),
    ]
    tally = await send(service, "items", b"\n".join(lines))
    assert counts(tally) == (4, 0, 9)
    assert refusals(tally) == [
        (3, "bad_check_digit"),
        (4, "bad_csv"),
        (6, "invalid_encoding"),
        (7, "body_too_large"),
        (8, "invalid_request"),
        (9, "invalid_request"),
        (10, "invalid_request"),
        (11, "price_and_currency"),
        (12, "gtin_taken"),
    ]
    details = {error["line"]: error["detail"] for error in tally["errors"]}
    assert "should be 9" in details[3]
    assert "colour" in details[8]
    assert taken in details[12]
    for sku in good:
        assert (await service.get(f"/v1/items/{sku}")).status_code == 200
    assert (await service.get(f"/v1/items/{good[2]}")).json()["name"] == "Two\nlines"


async def test_bad_ndjson_lines_lose_no_other(service: Service):
    sku = unique()
    lines = [
        b"{",
        b"[]",
        b'"text"',
        msgspec.json.encode({"sku": unique(), "name": "x", "colour": "red"}),
        b'{"sku": "deep", "name": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"sku": "a/b", "name": "slash"}',
        b'{"sku": "nul\\u0000", "name": "x"}',
        msgspec.json.encode({"sku": sku, "name": "good"}),
    ]
    tally = await send(service, "items", b"\r\n".join(lines) + b"\r\n", headers=NDJSON)
    assert counts(tally) == (1, 0, 7)
    assert [line for line, _ in refusals(tally)] == [1, 2, 3, 4, 5, 6, 7]
    assert (await service.get(f"/v1/items/{sku}")).status_code == 200


async def test_stock_opens_first_and_is_counted_later(service: Service):
    place, a, b = await service.place(), await service.item(), await service.item()
    first = f"location,sku,sellable\n{place},{a},5\n{place},{b},0\n"
    assert counts(await send(service, "stock", first)) == (2, 0, 0)
    assert await levels(service, place, a, b) == [5, 0]
    assert await entries(service, a) == [("opening", "opening", "sellable", 5)]
    assert await entries(service, b) == []
    assert counts(await send(service, "stock", first)) == (0, 2, 0)
    counted = await service.sql(
        "select last_counted_at from stock.stock_level s join catalog.item i using (sku_id)"
        " where i.sku = any($1)",
        [a, b],
    )
    assert all(row["last_counted_at"] is not None for row in counted)
    second = f"location,sku,sellable,reason\n{place},{a},3,night count\n{place},{b},7,\n"
    assert counts(await send(service, "stock", second)) == (2, 0, 0)
    assert await levels(service, place, a, b) == [3, 7]
    assert (await entries(service, a))[1:] == [("count", "sellable", "shrink", 2)]
    assert await entries(service, b) == [("opening", "opening", "sellable", 7)]


async def test_a_key_that_comes_twice_ends_at_its_last_line(service: Service):
    place, sku = await service.place(), await service.item()
    lines = "".join(f"{place},{sku},{sellable}\n" for sellable in (5, 5, 2, 9))
    tally = await send(service, "stock", "location,sku,sellable\n" + lines)
    assert counts(tally) == (3, 1, 0)
    assert await levels(service, place, sku) == [9]


async def test_stock_lines_that_cannot_be_are_told_one_by_one(service: Service):
    place, sku = await service.place(), await service.item()
    service_item = await service.item(stock_tracked=False)
    text = (
        "location,sku,sellable\n"
        f"nowhere,{sku},1\n"
        f"{place},no-such-item,1\n"
        f"{place},{service_item},1\n"
        f"{place},{sku},-1\n"
        f"{place},{sku},many\n"
        f"{place},{sku},\n"
        f"{place},{sku},4\n"
    )
    tally = await send(service, "stock", text)
    assert counts(tally) == (1, 0, 6)
    assert refusals(tally) == [
        (2, "unknown_location"),
        (3, "unknown_sku"),
        (4, "not_stock_tracked"),
        (5, "invalid_request"),
        (6, "invalid_request"),
        (7, "invalid_request"),
    ]
    assert await levels(service, place, sku) == [4]


async def test_a_count_by_import_thaws_what_a_till_froze(service: Service):
    place, sku = await service.place(), await service.item()
    await send(service, "stock", f"location,sku,sellable\n{place},{sku},4\n")
    await service.owner.execute(
        "update stock.stock_level s set frozen_reason = 'negative_stock' from catalog.item i"
        " where i.sku_id = s.sku_id and i.sku = $1",
        sku,
    )
    tally = await send(service, "stock", f"location,sku,sellable\n{place},{sku},4\n")
    assert counts(tally) == (0, 1, 0)
    (level,) = await service.sql(
        "select frozen_reason from stock.stock_level s join catalog.item i using (sku_id)"
        " where i.sku = $1",
        sku,
    )
    assert level["frozen_reason"] is None


async def test_a_token_imports_at_the_places_of_its_list_only(service: Service):
    mine, other, sku = await service.place(), await service.place(), await service.item()
    token = await service.token("stock:write", "locations:write", locations=[mine])
    text = f"location,sku,sellable\n{mine},{sku},1\n{other},{sku},1\n"
    tally = await send(service, "stock", text, token=token)
    assert (counts(tally), refusals(tally)) == ((1, 0, 1), [(3, "forbidden_location")])
    place = f"location,name,kind,time_zone\n{other},X,store,Europe/Oslo\n"
    tally = await send(service, "locations", place, token=token)
    assert refusals(tally) == [(2, "forbidden_location")]


@pytest.mark.parametrize(
    ("kind", "scope"),
    [("items", "stock:write"), ("locations", "catalog:write"), ("stock", "stock:read")],
)
async def test_an_import_needs_the_scope_of_its_kind(service: Service, kind: str, scope: str):
    token = await service.token(scope)
    reply = await service.post(f"/v1/imports/{kind}", content=b"", headers=CSV, token=token, key="")
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden_scope")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "text/csv; charset=latin-1"}, 415),
        ({"Content-Type": "text/csv", "Content-Encoding": "gzip"}, 415),
    ],
)
async def test_another_content_type_is_refused(
    service: Service, headers: dict[str, str], status: int
):
    reply = await service.post("/v1/imports/items", content=b"sku,name\n", headers=headers, key="")
    assert reply.status_code == status


@pytest.mark.parametrize("text", ["", "\n\n", "name\nx\n", "sku,sku\n", '"sku,name\n', "\x00"])
async def test_a_csv_file_without_a_header_is_refused_as_a_whole(service: Service, text: str):
    reply = await service.post("/v1/imports/items", content=text.encode(), headers=CSV, key="")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_request")


async def test_an_empty_ndjson_file_is_an_import_of_nothing(service: Service):
    assert counts(await send(service, "stock", b"", headers=NDJSON)) == (0, 0, 0)


async def test_a_thousand_errors_are_told_and_all_are_counted(service: Service):
    text = "sku,name\n" + "a/b,x\n" * 1_200 + f"{unique()},good\n"
    tally = await send(service, "items", text)
    assert counts(tally) == (1, 0, 1_200)
    assert len(tally["errors"]) == 1_000


async def test_a_client_that_hangs_up_leaves_what_was_taken_and_no_error(
    service: Service, capfd: pytest.CaptureFixture[str]
):
    items = [unique() for _ in range(1_500)]
    text = "sku,name\n" + "".join(f"{item},Throw\n" for item in items)
    messages = iter(
        [
            {"type": "http.request", "body": text.encode(), "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(messages)

    async def nobody(_: Any) -> None:
        """The connection is closed: whatever is sent goes nowhere."""

    token = await service.token("catalog:write")
    headers = [
        (b"host", b"hylde.test"),
        (b"authorization", f"Bearer {token}".encode()),
        (b"content-type", b"text/csv"),
    ]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/imports/items",
        "raw_path": b"/v1/imports/items",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "server": ("hylde.test", 80),
        "client": ("127.0.0.1", 1),
        "asgi": {"version": "3.0"},
    }
    app: Any = service.client._transport.app  # type: ignore[attr-defined]
    await app(scope, receive, nobody)
    assert (await service.get(f"/v1/items/{items[0]}")).status_code == 200
    told = "".join(capfd.readouterr())
    assert "status=499" in told
    assert "unforeseen" not in told
