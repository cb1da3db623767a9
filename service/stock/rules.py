"""Pure decisions about stock: between which accounts goods move, and how a refusal is told."""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from service.catalog.rules import sku_problem
from service.outcomes import REFUSALS
from service.stock.types import (
    AsOf,
    EntryResult,
    Explanation,
    Kind,
    Level,
    Moment,
    Movement,
    MovementResult,
    Posting,
    StoredExplanation,
    StoredLevel,
    Term,
)

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing that is still on a shelf happened before; a slip of the year is told at once."""
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""What lies beyond may not exist in UTC; how far ahead is too far, the database's clock says."""

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9000

_DIGITS = re.compile(r"\d(?:[ -]?\d){12,18}", re.ASCII)

# from -> to, unless the entry names another account to take from (domain.md §1.2)
_ACCOUNTS: Final[dict[Kind, tuple[str, str]]] = {
    "opening": ("opening", "sellable"),
    "received": ("supplier", "sellable"),
    "supplier_return": ("sellable", "supplier"),
    "damaged": ("sellable", "damaged"),
    "repaired": ("damaged", "sellable"),
    "scrapped": ("damaged", "scrap"),
    "adjusted": ("shrink", "sellable"),
}
_MAY_NAME_FROM: Final = frozenset(("supplier_return", "scrapped"))


class Refused(NamedTuple):
    """Why an entry cannot be taken: a code of the closed list, and a sentence."""

    code: str
    detail: str | None = None


def accounts(movement: Movement) -> tuple[str, str]:
    """The accounts that a movement takes from and gives to."""
    source, target = _ACCOUNTS[movement.kind]
    if movement.quantity < 0:
        return target, source
    return movement.from_ or source, target


def refusal(movement: Movement) -> Refused | None:
    """What an entry gets wrong in itself; None where the book has to decide."""
    if problem := sku_problem(movement.sku):
        return Refused("invalid_request", f"/sku: {problem}")
    if movement.quantity == 0:
        return Refused("zero_quantity")
    if movement.quantity < 0 and movement.kind != "adjusted":
        return Refused("negative_not_allowed")
    return _odd(movement)


def _odd(movement: Movement) -> Refused | None:
    """What does not go together, or cannot be meant."""
    if movement.from_ is not None and movement.kind not in _MAY_NAME_FROM:
        return Refused("invalid_value", "/from: only scrapped and supplier_return name an account")
    if movement.occurred_at is not None and movement.occurred_at < EARLIEST:
        return Refused("invalid_value", "/occurred_at: this is before the year 2000")
    if movement.occurred_at is not None and movement.occurred_at > LATEST:
        return Refused("in_the_future")
    if holds_card_number(movement.reason):
        return Refused("card_number", "/reason: it looks like the number of a payment card")
    return None


def holds_card_number(text: str | None) -> bool:
    """Whether a text carries what looks like a payment card's number (13-19 digits, Luhn)."""
    return any(_luhn(found.group()) for found in _DIGITS.finditer(text or ""))


def _luhn(text: str) -> bool:
    digits = [int(sign) for sign in reversed(text) if sign.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def posting(movement: Movement, identifier: str) -> Posting:
    """A movement that can be taken, as the database gets it."""
    source, target = accounts(movement)
    return Posting(
        movement=identifier,
        location=movement.location,
        sku=movement.sku,
        kind=movement.kind,
        from_account=source,
        to_account=target,
        quantity=abs(movement.quantity),
        # in UTC: PostgreSQL does not know every offset that RFC 3339 does, and one entry with such
        # an offset would fail the others with it
        occurred_at=movement.occurred_at and movement.occurred_at.astimezone(UTC),
        reason=movement.reason,
        reference=movement.reference,
        source_key=movement.source_key,
    )


def told(index: int, result: EntryResult) -> MovementResult:
    """One entry's result in the words of the contract; the same for the same stored result."""
    detail = result.detail
    if result.account is not None:
        detail = f"{result.account} holds {result.there}"
    elif result.code is not None:
        detail = detail or REFUSALS[result.code].title
    return MovementResult(
        index, result.status, movement=result.movement, code=result.code, detail=detail
    )


FORMULA: Final = (
    "sellable \N{MINUS SIGN} unpicked \N{MINUS SIGN} safety_stock \N{MINUS SIGN} stale_buffer"
)
_SAFETY_WHY: Final = {
    "place_and_item": "set for this item at this place",
    "item": "set for this item everywhere",
    "location": "set for every item at this place",
}


def level_of(stored: StoredLevel) -> Level:
    """A balance in the words of the contract; what is not known of another time is null."""
    now = stored.available is not None
    return Level(
        location=stored.location,
        sku=stored.sku,
        sellable=stored.sellable,
        staged=stored.staged,
        quarantine=stored.quarantine,
        damaged=stored.damaged,
        display=stored.display,
        missing=stored.missing,
        on_hand=stored.on_hand,
        reserved=stored.reserved,
        unpicked=stored.unpicked,
        safety_stock=stored.safety_stock,
        stale_buffer=stored.stale_buffer,
        available=stored.available,
        frozen=stored.frozen_reason is not None if now else None,
        frozen_reason=stored.frozen_reason,
        last_counted_at=stored.last_counted_at,
        as_of=AsOf(stored.version, stored.changed_at),
    )


def explanation_of(stored: StoredExplanation) -> Explanation:
    """The formula with each term and its reason; the numbers are the database's own."""
    level = stored.level
    return Explanation(
        location=level.location,
        sku=level.sku,
        available=level.available or 0,
        formula=FORMULA,
        terms=_terms(stored),
        frozen=level.frozen_reason is not None,
        frozen_reason=level.frozen_reason,
        confidence=level.confidence or 0.0,
        claims=stored.claims,
        movements=stored.movements,
        as_of=AsOf(level.version, level.changed_at),
    )


def _terms(stored: StoredExplanation) -> list[Term]:
    level = stored.level
    counted = level.last_counted_at
    book = f"counted at {_utc(counted)}" if counted else "never counted"
    safety = _SAFETY_WHY[level.safety_source or "location"]
    return [
        Term("sellable", level.sellable, f"what the book has on the shelf; {book}"),
        Term("unpicked", level.unpicked or 0, "held for customers and not yet picked"),
        Term("safety_stock", level.safety_stock or 0, safety),
        Term("stale_buffer", level.stale_buffer or 0, "what a silent till may have sold since"),
    ]


def read_moment(text: str) -> datetime | None:
    """A time with its offset; None for anything else. A `+` may have become a blank in a URL."""
    try:
        found = msgspec.convert(text.replace(" ", "+"), Moment)
    except msgspec.ValidationError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
