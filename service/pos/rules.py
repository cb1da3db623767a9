"""Pure decisions about receipts: masking, fingerprints, what cannot be a receipt, and its reply."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from service.catalog.rules import ScanRefused, scan_gtin
from service.pos.types import Identity, Receipt, ReceiptLine, ReceiptOutcome, Result, SaleRef

_encode = msgspec.json.Encoder().encode
_DIGIT_RUN: Final = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
_CARD_MIN: Final = 13
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KEPT_DIGITS: Final = 4
_REFUSED: Final = {
    "unknown_terminal": "There is no such terminal. It is kept; register it and send it again.",
    "forbidden_location": "The token's list of locations does not have the terminal's.",
}
_TEXTS: Final = ("order", "customer", "payment")


class Refused(NamedTuple):
    """Why a receipt cannot be one."""

    code: str
    detail: str


class Asked(NamedTuple):
    """A receipt as the database gets it: masked, with its time in UTC and nulls dropped."""

    body: bytes
    fingerprint: str
    codes: list[str | None]
    terminals: list[str]


def refusal(receipt: Receipt) -> Refused | None:
    """What is wrong with a receipt that decodes, by its own words; None if nothing."""
    if (receipt.kind == "void") != (receipt.voids is not None):
        return Refused("invalid_request", "/voids: A void names what it voids, nothing else does")
    if _names_itself(receipt):
        return Refused("invalid_value", "/voids: A receipt cannot void itself")
    numbers = [line.line for line in receipt.lines]
    if len(set(numbers)) < len(numbers):
        return Refused("invalid_value", "/lines: Two lines have the same number")
    for index, line in enumerate(receipt.lines):
        if why := _line_refusal(f"/lines/{index}", line):
            return why
    return None


def _line_refusal(where: str, line: ReceiptLine) -> Refused | None:
    if line.moves_nothing():
        return Refused("zero_quantity", f"{where}/quantity: Nothing was sold or returned")
    if line.sku is None and line.gtin is None:
        return Refused("invalid_request", f"{where}: It needs sku or gtin")
    if line.sale is not None and not _names_a_sale(line.sale):
        return Refused("invalid_request", f"{where}/sale: terminal and sequence, or order")
    return None


def _names_itself(receipt: Receipt) -> bool:
    voids = receipt.voids
    return voids is not None and (voids.terminal, voids.sequence) == (
        receipt.terminal,
        receipt.sequence,
    )


def _names_a_sale(sale: SaleRef) -> bool:
    by_receipt = sale.terminal is not None and sale.sequence is not None
    neither = sale.terminal is None and sale.sequence is None
    return by_receipt if sale.order is None else neither


def asked(receipt: Receipt) -> Asked:
    """The canonical form of a receipt, with what the database needs beside it.

    The fingerprint leaves out the natural key: a receipt that names its epoch is the same as one
    that does not. Raises OverflowError for a time that has no UTC.
    """
    receipt = masked(replace(receipt, occurred_at=receipt.occurred_at.astimezone(UTC)))
    body = _encode(receipt)
    lines = sorted(receipt.lines, key=_line_number)
    facts = _encode(replace(receipt, terminal="", sequence=1, epoch=None, lines=tuple(lines)))
    return Asked(
        body,
        hashlib.blake2b(facts, digest_size=16).hexdigest(),
        [None if line.gtin is None else code_of(line.gtin) for line in receipt.lines],
        _terminals(receipt),
    )


def _line_number(line: ReceiptLine) -> int:
    return line.line


def _terminals(receipt: Receipt) -> list[str]:
    """Whose receipts a receipt speaks of, its own first."""
    found = {receipt.terminal: None}
    if receipt.voids is not None:
        found[receipt.voids.terminal] = None
    for line in receipt.lines:
        if line.sale is not None and line.sale.terminal is not None:
            found[line.sale.terminal] = None
    return list(found)


@lru_cache(maxsize=32_768)
def code_of(scanned: str) -> str | None:
    """The 14 digits of a scan, None for what is no GTIN: such a line stays unmapped."""
    try:
        return scan_gtin(scanned)
    except ScanRefused:
        return None


def codes_of(body: dict[str, Any]) -> list[str | None]:
    """The barcodes of a kept receipt's lines, as `asked` found them."""
    scans = [line.get("gtin") for line in body.get("lines", [])]
    return [code_of(scan) if isinstance(scan, str) else None for scan in scans]


def masked(receipt: Receipt) -> Receipt:
    """The receipt without card numbers: of a number that could be one, four digits stay."""
    changes = _masked_texts(receipt, _TEXTS)
    if any(line.text is not None for line in receipt.lines):
        changes["lines"] = tuple(
            replace(line, text=mask(line.text)) if line.text else line for line in receipt.lines
        )
    return replace(receipt, **changes) if changes else receipt


def _masked_texts(receipt: Receipt, names: Iterable[str]) -> dict[str, object]:
    texts = {name: getattr(receipt, name) for name in names}
    return {name: mask(text) for name, text in texts.items() if text and mask(text) != text}


def mask(text: str) -> str:
    """A till's text with card numbers (13 to 19 digits that pass Luhn) masked; an id is none."""
    if len(text) < _CARD_MIN or _UUID.fullmatch(text):
        return text
    return _DIGIT_RUN.sub(_mask_run, text)


def _mask_run(found: re.Match[str]) -> str:
    digits = [character for character in found[0] if character.isdigit()]
    if not passes_luhn(digits):
        return found[0]
    return "*" * (len(digits) - _KEPT_DIGITS) + "".join(digits[-_KEPT_DIGITS:])


def passes_luhn(digits: Iterable[str]) -> bool:
    """Whether digits pass the check of card numbers (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(list(digits))):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - casting out nines
    return total % 10 == 0


def refused_result(index: int, receipt: Receipt | Identity, why: Refused) -> Result:
    """A refusal in its place among the results."""
    return Result(
        index=index,
        terminal=receipt.terminal,
        sequence=receipt.sequence,
        status="refused",
        code=why.code,
        detail=why.detail,
        problems=[],
    )


def told(index: int, receipt: Receipt, outcome: ReceiptOutcome) -> Result:
    """What the database decided, as the till is told it."""
    code = outcome.code
    if code == "unknown_terminal" or code == "forbidden_location":  # noqa: PLR1714 - for mypy
        return refused_result(index, receipt, Refused(code, _REFUSED[code]))
    return Result(
        terminal=receipt.terminal,
        sequence=receipt.sequence,
        status=code,
        receipt=outcome.receipt_id or UNSET,
        first_status=outcome.first_status or UNSET,
        problems=outcome.problems,
    )
