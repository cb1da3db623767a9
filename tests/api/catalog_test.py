"""Items over HTTP (contract §2; R12, R106)."""

import asyncio
import csv
import secrets
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.conftest import Service


def gtin() -> str:
    """A GTIN-13 that nobody else in these tests has."""
    digits = "2" + str(secrets.randbelow(10**11)).zfill(11)
    weighted = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
    return digits + str(-weighted % 10)


def sku() -> str:
    return f"K{secrets.token_hex(6)}"


async def put(service: Service, item: str, **of: Any) -> Any:
    return await service.put(f"/v1/items/{item}", {"name": "Wool throw, grey", **of})


async def test_an_item_is_made_once_and_then_read_as_it_was_put(service: Service):
    item, single, pack = sku(), gtin(), gtin()
    body = {
        "gtins": [single],
        "category": "textiles",
        "brand": "Ørsted & Søn",
        "collection": "AW26",
        "image_urls": ["https://example.org/a.png"],
        "price": 39900,
        "currency": "DKK",
        "packs": [{"gtin": pack, "factor": 6}],
        "safety_stock": 2,
    }
    made = await put(service, item, **body)
    again = await put(service, item, **body)
    read = await service.get(f"/v1/items/{item}")
    assert (made.status_code, again.status_code, read.status_code) == (201, 200, 200)
    assert made.content == again.content == read.content
    assert made.headers["etag"] == again.headers["etag"] == read.headers["etag"]
    found = read.json()
    assert found["gtins"] == [f"0{single}"]
    assert found["packs"] == [{"gtin": f"0{pack}", "factor": 6}]
    assert (found["unit"], found["scale"], found["stock_tracked"]) == ("piece", 1, True)
    rows = await service.sql("select version from catalog.item where sku = $1", item)
    assert rows[0]["version"] == 1


async def test_a_barcode_is_the_same_in_each_of_its_forms(service: Service):
    item = sku()
    forms = ["96385074", "0000096385074", "https://id.gs1.org/01/00000096385074"]
    try:
        reply = await put(service, item, gtins=[*forms, "(01)00000096385074(10)LOT"])
        assert reply.json()["gtins"] == ["00000096385074"]
    finally:
        await put(service, item)


@pytest.mark.parametrize(
    ("code", "refusal", "words"),
    [
        ("5701234567890", "bad_check_digit", "should be 9"),
        ("123", "not_a_gtin", "8, 12, 13 or 14"),
        ("not a code", "not_a_gtin", ""),
    ],
)
async def test_a_code_that_is_none_is_refused_at_its_place(
    service: Service, code: str, refusal: str, words: str
):
    item = sku()
    single = await put(service, item, gtins=[gtin(), code])
    assert (single.status_code, single.json()["code"]) == (422, refusal)
    assert single.json()["errors"][0]["pointer"] == "/gtins/1"
    assert words in single.json()["errors"][0]["detail"]
    pack = await put(service, item, packs=[{"gtin": code, "factor": 2}])
    assert pack.json()["errors"][0]["pointer"] == "/packs/0/gtin"
    assert (await service.get(f"/v1/items/{item}")).status_code == 404


async def test_a_barcode_belongs_to_one_item_until_that_lets_it_go(service: Service):
    first, second, code = sku(), sku(), gtin()
    await put(service, first, gtins=[code])
    taken = await put(service, second, gtins=[gtin()], packs=[{"gtin": code, "factor": 6}])
    assert (taken.status_code, taken.json()["code"]) == (409, "gtin_taken")
    error = taken.json()["errors"][0]
    assert (error["pointer"], error["sku"]) == ("/packs/0/gtin", first)
    assert first in taken.json()["detail"]
    assert (await service.get(f"/v1/items/{second}")).status_code == 404
    assert (await put(service, first)).json()["gtins"] == []
    assert (await put(service, second, packs=[{"gtin": code, "factor": 6}])).status_code == 201


async def test_a_single_can_become_a_pack_and_back(service: Service):
    item, code = sku(), gtin()
    await put(service, item, gtins=[code])
    packed = await put(service, item, packs=[{"gtin": code, "factor": 4}])
    assert (packed.json()["gtins"], packed.json()["packs"][0]["factor"]) == ([], 4)
    assert (await put(service, item, gtins=[code])).json()["packs"] == []
    rows = await service.sql("select version from catalog.item where sku = $1", item)
    assert rows[0]["version"] == 3


async def test_two_items_that_want_one_barcode_at_once_do_not_both_get_it(service: Service):
    for _ in range(5):
        code = gtin()
        replies = await asyncio.gather(*(put(service, sku(), gtins=[code]) for _ in range(8)))
        assert sorted(reply.status_code for reply in replies) == [201, *[409] * 7]


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"price": 5}, 422, "/currency"),
        ({"currency": "DKK"}, 422, "/price"),
        ({"packs": [{"gtin": "4006381333931", "factor": 1}]}, 400, "/packs/0/factor"),
        ({"gtins": ["4006381333931"], "packs": [{"gtin": "4006381333931", "factor": 2}]}, 422, ""),
        ({"scale": 0}, 400, "/scale"),
        ({"price": 1.5, "currency": "DKK"}, 400, "/price"),
        ({"unit": "kg"}, 400, "/unit"),
        ({"name": "  "}, 400, "/name"),
        ({"image_urls": ["javascript:alert(1)"]}, 400, "/image_urls/0"),
        ({"colour": "red"}, 400, "/"),
    ],
)
async def test_an_item_that_cannot_be_is_refused_by_field(
    service: Service, change: dict[str, Any], status: int, pointer: str
):
    reply = await put(service, sku(), **change)
    assert reply.status_code == status, reply.text
    assert reply.json()["errors"][0]["pointer"].startswith(pointer)


@pytest.mark.parametrize("item", ["x" * 65, "%20blank", "tab%09", "line%0A"])
async def test_a_sku_of_another_form_is_refused(service: Service, item: str):
    reply = await put(service, item)
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "/sku")


@pytest.mark.parametrize("item", ["a b", "85123A", "æøå-Ünï", "50%25", "x'y\"z", "a+b&c=d;e"])
async def test_a_sku_may_be_any_printable_text(service: Service, item: str):
    reply = await put(service, item.replace('"', "%22"))
    assert reply.status_code in (200, 201)
    assert (await service.get(f"/v1/items/{item}")).json()["sku"] == item.replace("%25", "%")


async def test_a_stale_if_match_changes_nothing(service: Service):
    path = f"/v1/items/{sku()}"
    first = await service.put(path, {"name": "A"}, headers={"If-None-Match": "*"})
    again = await service.put(path, {"name": "A"}, headers={"If-None-Match": "*"})
    assert (first.status_code, again.status_code) == (201, 412)
    etag = first.headers["etag"]
    replies = await asyncio.gather(
        *(service.put(path, {"name": f"B{n}"}, headers={"If-Match": etag}) for n in range(8))
    )
    assert sorted(reply.status_code for reply in replies) == [200, *[412] * 7]
    winner = next(reply for reply in replies if reply.status_code == 200)
    assert (await service.get(path)).content == winner.content
    fresh = {"If-None-Match": winner.headers["etag"]}
    assert (await service.get(path, headers=fresh)).status_code == 304


async def listed(service: Service, **query: Any) -> list[str]:
    found: list[str] = []
    params: dict[str, Any] = {"limit": 3, **query}
    while True:
        reply = await service.get("/v1/items", params=params)
        assert reply.status_code == 200, reply.text
        found += [item["sku"] for item in reply.json()["items"]]
        if reply.json()["next_cursor"] is None:
            assert "link" not in reply.headers
            return found
        assert 'rel="next"' in reply.headers["link"]
        params["cursor"] = reply.json()["next_cursor"]


async def test_a_category_is_listed_whole_in_the_order_of_its_skus(service: Service):
    category = secrets.token_hex(6)
    made = sorted([sku() for _ in range(7)])
    for item in reversed(made):
        await put(service, item, category=category)
    assert await listed(service, category=category) == made
    assert await listed(service, category="no such category") == []
    every = await service.sql("select count(*) from catalog.item")
    assert len(await listed(service, limit=200)) == every[0]["count"]


async def test_a_search_finds_beginnings_of_words_the_sku_and_the_barcode(service: Service):
    word, item, code = f"z{secrets.token_hex(6)}", sku(), gtin()
    await put(service, item, name=f"T-shirt {word}, 1.5 l", gtins=[code], category="tops")
    for query in (word[:8], word.upper(), f"t-sh {word}", f"{word} 1.5", f"shirt {word}"):
        assert await listed(service, query=query) == [item], query
    for query in (item, code, f"0{code}", f"https://id.gs1.org/01/0{code}", f" {item} "):
        assert item in await listed(service, query=query), query
    assert await listed(service, query=f"{word} nowhere") == []
    assert await listed(service, query=word, category="tops") == [item]
    assert await listed(service, query=word, category="shoes") == []


@pytest.mark.parametrize(
    "query",
    [
        "'",
        "\\",
        "a' | 'b",
        ":*",
        "!a",
        "a & ",
        "(a",
        "<->",
        "''':*",
        "a\\'b",
        "%",
        "--",
        "💥",
        "\t",
    ],
)
async def test_a_search_is_never_read_as_anything_but_words(service: Service, query: str):
    token = f"q{secrets.token_hex(6)}"
    await put(service, sku(), name=token)
    reply = await service.get("/v1/items", params={"query": query})
    assert reply.status_code == 200, reply.text
    assert await listed(service, query=f"{token} {query} zzzz") == []


@pytest.mark.parametrize("query", ["query=", "query=%00", "query=%FF", "category=", "limit=x"])
async def test_a_list_that_cannot_be_asked_for_is_refused(service: Service, query: str):
    assert (await service.get(f"/v1/items?{query}")).status_code == 400


@pytest.mark.parametrize("scope", ["stock:read", "availability:read", "catalog:write"])
async def test_items_are_read_with_any_scope_that_needs_them(service: Service, scope: str):
    item = await service.item()
    token = await service.token(scope)
    assert (await service.get(f"/v1/items/{item}", token=token)).status_code == 200
    assert (await service.get("/v1/items", token=token)).status_code == 200
    reply = await service.put(f"/v1/items/{item}", {"name": "x"}, token=token)
    assert reply.status_code == (200 if scope == "catalog:write" else 403)


async def test_real_barcodes_come_in_right_and_wrong_ones_stay_out(
    service: Service, shared_data: Path
):
    run = secrets.token_hex(4)
    right, wrong = (_rows(shared_data / "gtin" / name, 400) for name in _FILES)
    lines = [
        {"sku": f"{run}-{n}", "name": row["product_name"] or "?", "gtins": [row["gtin"]]}
        for n, row in enumerate(right)
    ]
    lines += [
        {"sku": f"{run}-x{n}", "name": row["product_name"] or "?", "gtins": [row["code"]]}
        for n, row in enumerate(wrong)
    ]
    headers = {"Content-Type": "application/x-ndjson"}
    content = b"\n".join(map(msgspec.json.encode, lines))
    reply = await service.post("/v1/imports/items", content=content, headers=headers, key="")
    tally = reply.json()
    assert (tally["accepted"], tally["rejected"]) == (len(right), len(wrong))
    assert {error["code"] for error in tally["errors"]} <= {
        "bad_check_digit",
        "not_a_gtin",
        "invalid_request",
    }
    found = await service.get(f"/v1/items/{run}-7")
    assert found.json()["gtins"] == [right[7]["gtin"].zfill(14)]
    for n in range(len(right)):
        await put(service, f"{run}-{n}")


_FILES = ("gtin13_nordic.csv", "gtin_invalid_realworld.csv")


def _rows(path: Path, count: int) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(islice(csv.DictReader(file), count))
