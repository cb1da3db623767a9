"""Pure decisions: what a transaction of a POSLog is as a receipt (contract §11).

A sign decides the direction, as in every receipt: a Sale counts as it is written, a Return comes
back whatever its sign. Amounts decide nothing, so that a refund of a deposit (a Sale of +1 for a
negative amount) puts nothing on the shelf.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec

from service.pos.rules import Refused, refusal
from service.pos.types import Identity, ReceiptKind
from service.poslog.types import Ignored, Line, Link, PosLogReceipt, Transaction
from service.terminals.types import Sequence as Number
from service.terminals.types import TerminalCode
from service.web.body import explain, names_of

WHY_IGNORED: Final[dict[Ignored, str]] = {
    "control": "A control transaction sells nothing.",
    "training": "It was training.",
    "cancelled": "It was cancelled before its end.",
    "suspended": "It was suspended; what is sold comes with the transaction that goes on.",
}
_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS: Final = {code: digits for digits, codes in _DIGITS.items() for code in codes.split()}
"""How many digits a currency's minor unit has where it is not two (ISO 4217)."""

_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,12}(\.[0-9]{0,9})?|\.[0-9]{1,9})", re.ASCII)
_WHOLE: Final = re.compile(r"0*[0-9]{1,15}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d[0-9:.,]*([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
_BASE_UNITS: Final = frozenset({"g", "gr", "grm", "gram", "ml", "mlt", "mm", "mmt"})
"""Units of measure that are base units already (UN/ECE and what people write)."""

_TEXT_MAX: Final = 200


def receipt_of(transaction: Transaction, zone: tzinfo | None) -> PosLogReceipt | Refused:
    """The receipt that a transaction is, by the clock of its terminal's place (None: unknown)."""
    try:
        receipt = msgspec.convert(_receipt(transaction, zone), PosLogReceipt)
    except msgspec.ValidationError as error:
        detail, pointer = explain(str(error), names_of(PosLogReceipt))
        return Refused("invalid_request", f"{pointer}: {detail}")
    except _Unfit as error:
        return error.why
    except OverflowError:
        return Refused("invalid_value", "/occurred_at: There is no such moment in UTC")
    return refusal(receipt) or receipt


def identity_of(transaction: Transaction) -> Identity:
    """What can be told of a transaction that is no receipt."""
    found: dict[str, Any] = {}
    for name, kind, value in (
        ("terminal", TerminalCode, transaction.terminal),
        ("sequence", Number, _whole(transaction.sequence)),
    ):
        try:
            found[name] = msgspec.convert(value, kind)
        except msgspec.ValidationError:
            continue
    return Identity(**found)


class _Unfit(ValueError):  # noqa: N818 - a refusal is an answer here, not an error
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.why = Refused(code, detail)


def _receipt(transaction: Transaction, zone: tzinfo | None) -> dict[str, Any]:
    at = _moment(transaction.ended_at)
    naive = at.tzinfo is None
    made: dict[str, Any] = {
        "terminal": transaction.terminal,
        "sequence": _whole(transaction.sequence),
        "kind": "no_sale",
        "occurred_at": instant_of(at, zone or UTC) if naive else at,
    }
    if naive and zone is None:
        made["zone"] = "unknown"
    if transaction.ignored:
        return {**made, "ignored": transaction.ignored}
    if transaction.currency:
        made["currency"] = transaction.currency.upper()
    if transaction.customer:
        made["customer"] = transaction.customer[:_TEXT_MAX]
    if transaction.tenders:
        made["payment"] = " + ".join(transaction.tenders)[:_TEXT_MAX]
    if transaction.void:
        return {**made, "kind": "void", "voids": _target(transaction)}
    lines = net(transaction.lines)
    made["lines"] = [_line(line, transaction, made.get("currency")) for line in lines]
    made["kind"] = _kind(lines)
    return made


def _kind(lines: Sequence["Counted"]) -> ReceiptKind:
    sold = any(line.units > 0 for line in lines)
    returned = any(line.units < 0 for line in lines)
    if sold and returned:
        return "exchange"
    return "sale" if sold else "return" if returned else "no_sale"


def _target(transaction: Transaction) -> dict[str, Any]:
    if transaction.target is None:
        raise _Unfit("invalid_request", "/voids: It does not say what it voids")
    return _named(transaction.target, transaction)


def _named(link: Link, transaction: Transaction) -> dict[str, Any]:
    """The receipt that a link means; what it leaves out is as in the transaction itself."""
    store = link.store or transaction.store
    workstation = link.workstation or transaction.workstation
    return {"terminal": f"{store}-{workstation}", "sequence": _whole(link.sequence)}


def instant_of(local: datetime, zone: tzinfo) -> datetime:
    """The instant of a local time: of an ambiguous one the later, a missing one shifted forward.

    Both have the smaller of the two offsets that the time could have. Raises OverflowError.
    """
    early = local.replace(tzinfo=zone, fold=0)
    late = local.replace(tzinfo=zone, fold=1)
    return max(early.astimezone(UTC), late.astimezone(UTC))


def _moment(text: str | None) -> datetime:
    """A time as XML Schema writes it.

    Raises:
        _Unfit: it is none.
    """
    if text is None:
        raise _Unfit("invalid_request", "/occurred_at: This field is needed")
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    raise _Unfit("invalid_request", "/occurred_at: It is no time")


@dataclass(slots=True)
class Counted:
    """A line with what of it still counts: `raw` is its quantity, signed as the till writes it."""

    line: Line
    raw: Decimal
    paid: Decimal | None

    @property
    def units(self) -> Decimal:
        """Positive goes out, negative comes back."""
        return self.raw if self.line.kind == "sale" else -abs(self.raw)

    @property
    def due(self) -> Decimal | None:
        """What was paid for it; given back for a return, and so negative."""
        if self.paid is None or self.line.kind == "sale":
            return self.paid
        return -abs(self.paid)


def net(lines: Sequence[Line]) -> list[Counted]:
    """The lines that were sold or came back in the end: a voided line and what voids it are gone.

    Tills void in three ways: the line itself is flagged; a flagged line with the opposite quantity
    follows (and the first one may be flagged as well); or a line names the one that it voids.
    """
    counted = [_counted(index, line) for index, line in enumerate(lines)]
    gone: set[int] = set()
    for index, line in enumerate(lines):
        if line.kind == "void":
            gone.update(i for i, other in enumerate(lines[:index]) if other.number == line.voids)
        elif line.flagged:
            _take_back(counted[index], counted[:index], gone)
        if line.kind == "void" or line.flagged:
            gone.add(index)
    return [own for index, own in enumerate(counted) if index not in gone and own.raw]


def _take_back(own: Counted, before: Sequence[Counted], gone: set[int]) -> None:
    """Void what a flagged line with the opposite quantity takes back.

    That is the newest line equal to it, first of all one that is flagged itself, or so much of a
    larger one. A flagged line without any such was voided itself.
    """
    same = [
        (other.raw == -own.raw, index in gone, other)
        for index, other in enumerate(before)
        if _goods(other.line) == _goods(own.line) and other.raw * own.raw < 0
    ]
    flagged = [other for equal, out, other in same if equal and out and other.line.flagged]
    standing = [other for equal, out, other in same if equal and not out]
    larger = [other for _, out, other in same if not out and abs(other.raw) > abs(own.raw)]
    for found in (*flagged[-1:], *standing[-1:], *larger[-1:])[:1]:
        found.raw += own.raw
        if found.paid is not None and own.paid is not None:
            found.paid += own.paid


def _goods(line: Line) -> tuple[str | None, ...]:
    return line.kind, line.code, line.item


def _counted(index: int, line: Line) -> Counted:
    """A line's quantity and money.

    Raises:
        _Unfit: one of them is no number.
    """
    if line.kind == "void":
        return Counted(line, Decimal(0), None)
    # a line that says no quantity is one unit of what it names
    raw = _decimal(line.quantity or "1", f"/lines/{index}/quantity") or Decimal(0)
    if not raw:
        raise _Unfit("zero_quantity", f"/lines/{index}/quantity: Nothing was sold or returned")
    amount = _decimal(line.amount, f"/lines/{index}/paid")
    discount = _decimal(line.discount, f"/lines/{index}/paid") or Decimal(0)
    if amount is None:
        return Counted(line, raw, None)
    return Counted(line, raw, (abs(amount) - abs(discount)) * (-1 if amount < 0 else 1))


def _line(own: Counted, transaction: Transaction, currency: str | None) -> dict[str, Any]:
    line = own.line
    made: dict[str, Any] = {
        "line": _whole(line.number),
        "sku": line.item,
        "gtin": line.code,
        "text": line.text[:_TEXT_MAX] if line.text else None,
        "resaleable": line.resaleable,
        **_quantity(own),
    }
    if currency is not None:
        made["unit_price"] = minor(_decimal(line.price, "/lines/unit_price"), currency)
        made["paid"] = minor(own.due, currency)
    if own.units < 0 and line.link is not None and line.link.line is not None:
        made["sale"] = {**_named(line.link, transaction), "line": _whole(line.link.line)}
    return made


def _quantity(own: Counted) -> dict[str, Any]:
    """How much it is: of what the till measures, and whole where it is."""
    whole = own.units == own.units.to_integral_value()
    made: dict[str, Any] = {"quantity": int(own.units) if whole else 0}
    if own.line.unit not in _BASE_UNITS:
        made["measure"] = _plain(own.units)
    elif not whole:
        made["base_measure"] = _plain(own.units)
    return made


def _plain(number: Decimal) -> str:
    """A number as it is told, the same for 1, 1.0 and 1.000."""
    return format(number.normalize(), "f")


def minor(amount: Decimal | None, currency: str) -> int | None:
    """An amount in minor units of its currency; half of one counts as one."""
    if amount is None:
        return None
    scaled = amount.scaleb(_EXPONENTS.get(currency, 2))
    return int(scaled.to_integral_value(ROUND_HALF_UP))


def _decimal(text: str | None, where: str) -> Decimal | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise _Unfit("invalid_request", f"{where}: It is no number")
    return Decimal(text)


def _whole(text: str | None) -> int | str | None:
    """A whole number; what is none stays as it is, for the schema to refuse."""
    return int(text) if text is not None and _WHOLE.fullmatch(text) else text
