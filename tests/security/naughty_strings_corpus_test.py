"""The Big List of Naughty Strings as names, reasons and searches: kept as sent, or 4xx (F15)."""

import secrets
from pathlib import Path

import msgspec
import pytest

from tests.conftest import Service

# of our own, for a checkout without the shared data
SAMPLE = [
    "", " ", "undefined", "1/0", "Ω≈ç√∫", "\u202etest\u202c", "田中さん", "👨‍👩‍👧", "ثم نفس",
    "<script>alert(1)</script>", "'; drop table stock.stock_level; --", "{{7*7}}", "%s%n", "\x7f",
    "../../etc/passwd", "$(touch x)", "=1+1", "\ufeff", "a" * 300, "\u2028", "\x1b[2J", "\\", '"',
]  # fmt: skip


def strings(of: str, request: pytest.FixtureRequest) -> list[str]:
    """The kept sample, or all 515 strings where the shared data is."""
    if of == "sample":
        return SAMPLE
    folder: Path = request.getfixturevalue("shared_data")
    found = msgspec.json.decode((folder / "vectors/blns/blns.json").read_bytes(), type=list[str])
    assert len(found) == 515
    return found


EACH = pytest.mark.parametrize("of", ["sample", "big list"])


@EACH
async def test_a_name_comes_back_as_it_was_sent(
    service: Service, request: pytest.FixtureRequest, of: str
):
    place = await service.place()
    before = (await service.get(f"/v1/locations/{place}")).json()
    kept = 0
    for text in strings(of, request):
        item = await service.put("/v1/items/K-naughty", {"name": text, "brand": text or None})
        assert item.status_code in (200, 201, 400, 422), (text, item.text)
        if item.is_success:
            kept += 1
            found = (await service.get("/v1/items/K-naughty")).json()
            assert (found["name"], found["brand"] or "") == (text, text)
        changed = await service.put(
            f"/v1/locations/{place}", {**_body(before), "name": text, "region": text}
        )
        assert changed.status_code in (200, 400, 422), (text, changed.text)
        if changed.is_success:
            read = (await service.get(f"/v1/locations/{place}")).json()
            assert (read["name"], read["region"]) == (text, text)
    assert kept > len(SAMPLE) / 2


def _body(location: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in location.items() if name != "location"}


@EACH
async def test_a_movements_reason_comes_back_as_it_was_sent(
    service: Service, request: pytest.FixtureRequest, of: str
):
    place, sku = await service.place(), await service.item()
    texts = strings(of, request)
    entries = [
        {"location": place, "sku": sku, "kind": "received", "quantity": 1, "reason": text,
         "reference": text or None, "source_key": f"{number}{secrets.token_hex(4)}"}
        for number, text in enumerate(texts)
    ]  # fmt: skip
    reply = await service.post("/v1/stock/movements", {"movements": entries})
    assert reply.status_code == 200, reply.text
    posted = [text for text, result in zip(texts, reply.json()["results"], strict=True)
              if result["status"] == "posted"]  # fmt: skip
    assert len(posted) > len(texts) / 2
    read, cursor = [], ""
    while cursor is not None:
        page = await service.get(f"/v1/stock/{place}/{sku}/movements?limit=200{cursor}")
        read += [entry["reason"] for entry in page.json()["items"]]
        next_cursor = page.json()["next_cursor"]
        cursor = None if next_cursor is None else f"&cursor={next_cursor}"
    assert sorted(read) == sorted(posted)


@EACH
async def test_a_search_for_anything_is_answered(
    service: Service, request: pytest.FixtureRequest, of: str
):
    place = await service.place()
    for text in strings(of, request):
        for path in ("/v1/items", f"/v1/locations/{place}/items"):
            for name in ("query", "category"):
                reply = await service.get(path, params={name: text})
                assert reply.status_code in (200, 400), (path, name, text, reply.text)


@EACH
async def test_a_path_of_anything_finds_nothing(
    service: Service, request: pytest.FixtureRequest, of: str
):
    place = await service.place()
    for text in strings(of, request):
        quoted = "".join(f"%{byte:02X}" for byte in text.encode()) or "%20"
        for path in (
            f"/v1/items/{quoted}",
            f"/v1/stock/{place}/{quoted}",
            f"/v1/locations/{quoted}",
        ):
            reply = await service.get(path)
            assert reply.status_code in (200, 400, 404), (path, reply.text)
