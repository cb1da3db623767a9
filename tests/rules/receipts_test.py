"""Receipts before any database sees them: fingerprints, masking, what cannot be one (I9, R17)."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pos.rules import asked, code_of, mask, passes_luhn, refusal
from service.pos.types import Receipt, ReceiptLine, SaleRef, VoidRef
from service.web.body import decode

AT = datetime(2026, 11, 21, 10, 12, tzinfo=UTC)
LINES = (
    ReceiptLine(line=1, gtin="5701234567899", quantity=1, unit_price=100, paid=100),
    ReceiptLine(line=2, sku="K", quantity=-1, sale=SaleRef(1, "aar-2", 7)),
)


def receipt(**of: object) -> Receipt:
    fields = {"terminal": "aar-1", "sequence": 1, "kind": "sale", "occurred_at": AT, "lines": LINES}
    return Receipt(**{**fields, **of})  # type: ignore[arg-type]


@given(st.integers(-14 * 60, 14 * 60))
def test_the_same_moment_in_any_zone_is_the_same_receipt(minutes: int) -> None:
    there = AT.astimezone(timezone(timedelta(minutes=minutes)))
    assert asked(receipt(occurred_at=there)).fingerprint == asked(receipt()).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "exchange"},
        {"occurred_at": AT + timedelta(microseconds=1)},
        {"customer": "c"},
        {"order": "o"},
        {"currency": "DKK"},
        {"lines": LINES[:1]},
        {"lines": (msgspec.structs.replace(LINES[0], quantity=2), LINES[1])},
        {"lines": (msgspec.structs.replace(LINES[0], paid=99), LINES[1])},
        {"lines": (LINES[0], msgspec.structs.replace(LINES[1], resaleable=True))},
    ],
)
def test_any_other_fact_is_another_receipt(change: dict[str, object]) -> None:
    assert asked(receipt(**change)).fingerprint != asked(receipt()).fingerprint


def test_order_of_lines_and_a_named_epoch_make_no_other_receipt() -> None:
    same = receipt(lines=LINES[::-1], epoch=1)
    assert asked(same).fingerprint == asked(receipt()).fingerprint


def test_what_is_kept_is_what_was_said_and_nothing_null() -> None:
    kept = asked(receipt())
    assert decode(Receipt, kept.body) == receipt()
    assert b"null" not in kept.body
    assert kept.codes == ["05701234567899", None]
    assert kept.terminals == ["aar-1", "aar-2"]


@given(st.text(max_size=60))
def test_masking_is_done_once_and_leaves_no_card_number(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4111111111111111", "************1111"),
        ("paid 4111 1111 1111 1111.", "paid ************1111."),
        ("5500-0000-0000-0004", "************0004"),
        ("4111111111111112", "4111111111111112"),
        ("411111111111", "411111111111"),
        ("H7K2-93QD", "H7K2-93QD"),
        ("01939482-1234-7123-8123-123456789012", "01939482-1234-7123-8123-123456789012"),
    ],
)
def test_card_numbers_keep_four_digits_and_other_numbers_all(text: str, expected: str) -> None:
    assert mask(text) == expected


@given(st.text("0123456789", min_size=12, max_size=18))
def test_exactly_one_check_digit_passes(digits: str) -> None:
    assert sum(passes_luhn(digits + str(last)) for last in range(10)) == 1


@given(st.text(min_size=1, max_size=128))
def test_no_scan_is_refused_it_is_a_code_or_unmapped(text: str) -> None:
    code = code_of(text)
    assert code is None or (len(code) == 14 and code.isdigit())


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (receipt(kind="void"), "invalid_request"),
        (receipt(voids=VoidRef("aar-1", 2)), "invalid_request"),
        (receipt(kind="void", voids=VoidRef("aar-1", 1)), "invalid_value"),
        (receipt(lines=LINES[:1] * 2), "invalid_value"),
        (receipt(lines=(ReceiptLine(line=1, sku="K", quantity=0),)), "zero_quantity"),
        (receipt(lines=(ReceiptLine(line=1, quantity=1),)), "invalid_request"),
        (
            receipt(lines=(ReceiptLine(line=1, sku="K", quantity=-1, sale=SaleRef(1)),)),
            "invalid_request",
        ),
        (
            receipt(lines=(ReceiptLine(line=1, sku="K", quantity=-1, sale=SaleRef(1, "a")),)),
            "invalid_request",
        ),
    ],
)
def test_what_cannot_be_a_receipt_is_told_why(bad: Receipt, code: str) -> None:
    assert (refusal(receipt()), (refusal(bad) or ("", ""))[0]) == (None, code)
