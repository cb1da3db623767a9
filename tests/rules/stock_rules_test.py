"""Between which accounts goods move, and what an entry gets wrong in itself (domain §1.2)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes import REFUSALS
from service.stock.rules import accounts, holds_card_number, posting, read_moment, refusal, told
from service.stock.types import EntryResult, Kind, Movement


def movement(kind: Kind = "received", quantity: int = 1, **of: object) -> Movement:
    return Movement(location="aar", sku="K", kind=kind, quantity=quantity, **of)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (movement("opening"), ("opening", "sellable")),
        (movement("received"), ("supplier", "sellable")),
        (movement("supplier_return"), ("sellable", "supplier")),
        (movement("supplier_return", from_="quarantine"), ("quarantine", "supplier")),
        (movement("damaged"), ("sellable", "damaged")),
        (movement("repaired"), ("damaged", "sellable")),
        (movement("scrapped"), ("damaged", "scrap")),
        (movement("scrapped", from_="sellable"), ("sellable", "scrap")),
        (movement("adjusted", 3), ("shrink", "sellable")),
        (movement("adjusted", -3), ("sellable", "shrink")),
    ],
)
def test_each_kind_moves_goods_between_its_accounts(
    asked: Movement, expected: tuple[str, str]
) -> None:
    assert accounts(asked) == expected
    sent = posting(asked, "id")
    assert (sent.from_account, sent.to_account, sent.quantity) == (*expected, abs(asked.quantity))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (movement(quantity=0), "zero_quantity"),
        (movement("adjusted", 0), "zero_quantity"),
        (movement(quantity=-1), "negative_not_allowed"),
        (movement("damaged", from_="display"), "invalid_value"),
        (movement(occurred_at=datetime(1999, 12, 31, tzinfo=UTC)), "invalid_value"),
        (movement(reason="card 4111 1111 1111 1111"), "card_number"),
        (Movement(location="aar", sku=" K", kind="received", quantity=1), "invalid_request"),
    ],
)
def test_what_an_entry_gets_wrong_in_itself_has_a_code_of_the_closed_list(
    asked: Movement, code: str
) -> None:
    refused = refusal(asked)
    assert refused is not None
    assert refused.code == code
    assert code in REFUSALS


def test_a_sound_entry_is_left_to_the_book() -> None:
    assert refusal(movement("adjusted", -1_000_000_000, reason="PO 5701234567899")) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4111111111111111", True),
        ("paid with 4111-1111-1111-1111 today", True),
        ("4111111111111112", False),
        ("order 123456789012", False),
        ("", False),
        (None, False),
    ],
)
def test_card_numbers_are_told_from_other_digits(text: str | None, found: bool) -> None:  # noqa: FBT001
    assert holds_card_number(text) is found


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_a_time_with_its_offset_is_read_also_where_the_plus_became_a_blank(at: datetime) -> None:
    text = at.isoformat()
    assert read_moment(f"{text} 01:00") == read_moment(f"{text}+01:00")
    assert read_moment(f"{text}Z") == at.replace(tzinfo=UTC)
    assert read_moment(text) is None


@pytest.mark.parametrize(
    "text", ["", "now", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"]
)
def test_what_is_no_time_that_can_be_asked_for_is_none(text: str) -> None:
    assert read_moment(text) is None


def test_a_stored_result_is_told_in_the_words_of_the_contract() -> None:
    short = EntryResult("refused", code="not_enough_there", account="damaged", there=2)
    assert told(3, short).detail == "damaged holds 2"
    assert told(0, EntryResult("refused", code="unknown_sku")).detail == "There is no such item"
    assert told(1, EntryResult("duplicate", movement="m")).movement == "m"
