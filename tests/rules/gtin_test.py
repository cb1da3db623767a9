"""Scan fields: what a till, a phone or a person may send for a GTIN (contract §1, F10-F12)."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.catalog import rules
from service.catalog.rules import ScanRefused, normalise_gtin, scan_gtin
from service.catalog.types import PutItem

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "data" / "gs1" / "scans.jsonl"

ENGINE_SWITCHES = {"convenienceAlphas", "PermitZeroSuppressedGTINinDLuris", "PermitUnknownAIs"}
"""Leniencies that GS1's engine leaves off unless asked; a scan field here never asks."""


@pytest.fixture(scope="module")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it are skipped without."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("no ../shared/data here; the kept sample covers the rules")
    return path


def lines(path: Path) -> Iterator[dict]:
    for line in path.read_text("utf-8").splitlines():
        yield json.loads(line)


def answer(text: str) -> str | None:
    try:
        return normalise_gtin(text)
    except ScanRefused:
        return None


def carried_by(vector: dict) -> str | None:
    """AI 01 of a vector's expected result, however its file spells that; None: refused."""
    if not vector["valid"]:
        return None
    result = vector.get("elements") or vector.get("message") or vector.get("input") or ""
    result = result.split("|")[0]
    if vector.get("symbology", "").startswith("EAN"):
        return result.zfill(14)
    found = re.search(r"(?:^|\^)01([0-9]{14})|/01/([0-9]{14})", result)
    return found and (found[1] or found[2])


@pytest.mark.parametrize(
    "case", list(lines(SAMPLE)), ids=lambda case: f"{case['source']} {case['ref']}"
)
def test_a_scan_of_the_kept_gs1_sample_gives_its_gtin_or_is_refused(case: dict) -> None:
    assert answer(case["text"]) == case["gtin"]


@pytest.mark.parametrize(
    ("name", "field", "count"),
    [
        ("digital_link_parse", "input", 118),
        ("bracketed_ai_parse", "input", 27),
        ("unbracketed_ai_parse", "input", 79),
        ("scan_data_parse", "scan", 54),
    ],
)
def test_every_gs1_parse_vector_is_answered_as_the_syntax_engine_does(
    shared_data: Path, name: str, field: str, count: int
) -> None:
    vectors = list(lines(shared_data / "vectors" / "gs1-syntax-engine" / f"{name}.jsonl"))
    assert len(vectors) == count
    for vector in vectors:
        lenient = vector["valid"] and ENGINE_SWITCHES & vector["options"].keys()
        assert answer(vector[field]) == (None if lenient else carried_by(vector)), vector


def test_every_gs1_check_digit_vector_of_a_gtin_length_is_answered_as_listed(
    shared_data: Path,
) -> None:
    folder = shared_data / "vectors" / "gs1-syntax-engine"
    parity = [(v["value"], v["valid"]) for v in lines(folder / "gtin_parity.jsonl")]
    csum = [
        (v["input"], v["valid"])
        for v in lines(folder / "linters_checkdigit_date_gcp.jsonl")
        if v["linter"] == "csum"
    ]
    assert (len(parity), len(csum)) == (8, 14)
    for text, valid in parity + csum:
        is_sscc = len(text) == 18
        assert (answer(text) is not None) == (valid and not is_sscc), text


@pytest.mark.parametrize(
    ("name", "count"), [("gtin13_nordic", 5901), ("gtin_mixed_sample", 39_379)]
)
def test_every_valid_real_code_is_kept_as_its_14_digits(
    shared_data: Path, name: str, count: int
) -> None:
    with (shared_data / "gtin" / f"{name}.csv").open(encoding="utf-8") as file:
        codes = [row["gtin"] for row in csv.DictReader(file)]
    assert len(codes) == count
    assert [code for code in codes if answer(code) != code.zfill(14)] == []


def test_every_invalid_real_code_is_refused_for_its_reason(shared_data: Path) -> None:
    with (shared_data / "gtin" / "gtin_invalid_realworld.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10_679
    for row in rows:
        with pytest.raises(ScanRefused) as refused:
            normalise_gtin(row["code"])
        wrong_digit = row["reason"] == "bad_check_digit"
        assert refused.value.code == ("bad_check_digit" if wrong_digit else "not_a_gtin"), row


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("5701234567899", "05701234567899"),
        ("15701234567896", "15701234567896"),
        ("012345678905", "00012345678905"),
        ("02345673", "00000002345673"),
        ("(01)05701234567899", "05701234567899"),
        ("(10)LOT7(01)05701234567899", "05701234567899"),
        ("(01)05701234567899(10)A\\(B", "05701234567899"),
        ("]C1010570123456789910LOT7", "05701234567899"),
        ("]C110LOT7\x1d0105701234567899", "05701234567899"),
        ("]d20105701234567899\x1d10LOT7", "05701234567899"),
        ("]E05701234567899", "05701234567899"),
        ("]C05701234567899", "05701234567899"),
        ("\x1d010570123456789910LOT7", "05701234567899"),
        ("010570123456789910LOT7\x1d17261231", "05701234567899"),
        ("10LOT7\x1d0105701234567899", "05701234567899"),
        ("HTTPS://Shop.Example/01/05701234567899", "05701234567899"),
        ("https://shop.example/da/01/05701234567899/10/01?utm_source=qr", "05701234567899"),
        ("https://shop.example/01/x/01/05701234567899", "05701234567899"),
        ("]Q1https://shop.example/01/05701234567899", "05701234567899"),
    ],
)
def test_one_item_is_found_by_every_way_to_write_its_code(text: str, gtin: str) -> None:
    assert scan_gtin(text) == gtin


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 5701234567899",
        "5701234567899 ",
        "5701234567899\n",
        "57012 34567899",
        "\u0665\u0667\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0669",
        "\uff15701234567899",
        "570123456789",
        "0" * 513,
        "(01) 05701234567899",
        "(01)05701234567899(10",
        "(02)05701234567899(37)4",
        "(01)05701234567899(02)15701234567896",
        "(01)05701234567899(01)15701234567896",
        "(00)006141411234567890",
        "(01)5701234567899",
        "https:///01/05701234567899",
        "https://user@shop.example/01/05701234567899",
        "https://shop.example/01/5701234567899",
        "https://shop.example/01/05701234567899/ser/1",
        "https://shop.example/01/05701234567899?01=15701234567896",
        "https://shop.example/01/05701234567899/",
        "https://shop.example/01/0570123456789%39%00",
        "ftp://shop.example/01/05701234567899",
        "https://[/01/05701234567899",
        "]E05701234567899012",
        "]Q1]Q1]C10105701234567899",
        "]",
        "null",
    ],
)
def test_what_is_no_code_is_refused_as_such(text: str) -> None:
    with pytest.raises(ScanRefused) as refused:
        scan_gtin(text)
    assert refused.value.code == ("bad_check_digit" if text == "570123456789" else "not_a_gtin")


@pytest.mark.parametrize(
    "text",
    [
        "5701234567890",
        "(01)05701234567890",
        "]C10105701234567890",
        "https://shop.example/01/05701234567890",
    ],
)
def test_a_wrong_check_digit_is_told_with_the_right_one(text: str) -> None:
    with pytest.raises(ScanRefused, match=r"should be 9, not 0") as refused:
        scan_gtin(text)
    assert refused.value.code == "bad_check_digit"


@pytest.mark.parametrize("text", ["2112345678900", "0212345678909", "2000000000008", "02345673"])
def test_a_code_for_use_inside_a_shop_is_taken_as_it_is_and_known_for_one(text: str) -> None:
    """F12: weighed and in-store codes are valid in the shop and never go out as a GTIN."""
    gtin = scan_gtin(text)
    assert gtin == text.zfill(14)
    assert rules.is_restricted(gtin)
    assert not rules.is_restricted("05701234567899")


@given(st.text(max_size=40) | st.text("01234567890()^]\x1d/:htps.CQde%?=&", max_size=60))
def test_any_text_gives_14_digits_or_a_refusal(text: str) -> None:
    gtin = answer(text)
    assert gtin is None or re.fullmatch("[0-9]{14}", gtin)
    assert gtin is None or normalise_gtin(gtin) == gtin


def item(**fields: object) -> PutItem:
    return msgspec.convert({"name": "Wool throw, grey", **fields}, PutItem)


def test_an_item_of_the_contract_is_taken_and_its_codes_are_known() -> None:
    body = item(
        gtins=["5701234567899", "05701234567899"],
        category="textiles",
        image_urls=["https://img.example/a.jpg"],
        price=39_900,
        currency="DKK",
        packs=[{"gtin": "15701234567896", "factor": 6}],
    )
    assert rules.problems(body) == []
    assert rules.item_codes(body) == (("05701234567899", 1), ("15701234567896", 6))
    assert (body.stock_tracked, body.unit, body.scale) == (True, "piece", 1)


def test_every_problem_of_an_item_is_reported_where_it_is() -> None:
    body = item(
        gtins=["5701234567899", "5701234567890", "abc"],
        price=1,
        packs=[{"gtin": "5701234567899", "factor": 6}],
    )
    assert [(pointer, code) for pointer, code, _ in rules.problems(body)] == [
        ("/currency", "price_and_currency"),
        ("/gtins/1", "bad_check_digit"),
        ("/gtins/2", "not_a_gtin"),
        ("/packs/0/gtin", "gtin_repeated"),
    ]
    assert rules.problems(item(currency="DKK"))[0][0] == "/price"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "a\x00b"},
        {"colour": "grey"},
        {"price": -1, "currency": "DKK"},
        {"price": 1.5, "currency": "DKK"},
        {"price": 1, "currency": "dkk"},
        {"price": 1, "currency": "DKK\n"},
        {"packs": [{"gtin": "15701234567896", "factor": 1}]},
        {"packs": [{"gtin": "15701234567896", "factor": 6, "unit": "box"}]},
        {"gtins": ["a\x00"]},
        {"gtins": [5701234567899]},
        {"unit": "kg"},
        {"scale": 0},
        {"safety_stock": -1},
        {"image_urls": ["javascript:alert(1)"]},
        {"image_urls": ["https://img.example/a b"]},
        {"image_urls": ["https://img.example/a\n"]},
    ],
)
def test_an_item_that_breaks_the_schema_is_refused_while_decoding(fields: dict) -> None:
    with pytest.raises(msgspec.ValidationError):
        item(**fields)


@pytest.mark.parametrize("sku", ["K", "22423", "TÆPPE-grå", "a b", "gift_0001_20", "x" * 64])
def test_a_printable_sku_is_taken(sku: str) -> None:
    assert rules.sku_problem(sku) is None


@pytest.mark.parametrize(
    "sku", ["", "x" * 65, "a/b", " a", "a ", "a\n", "a\x00", "a\u200b", "\xa0"]
)
def test_an_unprintable_sku_is_refused_with_the_reason(sku: str) -> None:
    assert str(rules.sku_problem(sku)).startswith("a SKU has ")
