"""Scan fields and the checks of an item's body; pure. biip does the GS1 part.

A scan field takes a GTIN of 8, 12, 13 or 14 digits, a GS1 Digital Link URI, or an element string
that carries AI 01, and becomes 14 digits (contract §1). Where biip is more lenient than GS1's own
syntax engine (blanks, odd hosts, repeated or misplaced keys), the guards here refuse what the
engine refuses.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Literal, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from biip import ParseError
from biip.checksums import gs1_standard_check_digit
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_element_strings import GS1ElementString
from biip.gs1_messages import GS1Message
from biip.gtin import Gtin
from biip.rcn import Rcn

from service.catalog.types import PutItem

GTIN_LENGTHS: Final = (8, 12, 13, 14)
SCAN_LENGTH_MAX: Final = 512
SKU_LENGTH_MAX: Final = 64

_EXPECTED: Final = "expected a GTIN, a GS1 Digital Link URI, or an element string with AI 01"
_FNC1: Final = "\x1d"
_DIGITS: Final = re.compile(r"[0-9]+")
_FOURTEEN: Final = re.compile(r"[0-9]{14}")
_ELEMENT_TEXT: Final = re.compile(r"[\x1d\x21-\x7e]+")
_BRACKETED: Final = re.compile(r"\(([0-9]{2,4})\)((?:\\\(|[^(\x1d])+)")
_SYMBOLOGY: Final = re.compile(r"\](C1|e0|d2|Q3|J1|E0|E4|[A-Za-z][0-9A-Za-z])")
_ELEMENT_SYMBOLOGIES: Final = frozenset({"C1", "e0", "d2", "Q3", "J1"})
_EAN_LENGTHS: Final = {"E0": 13, "E4": 8}
_COMPOSITE: Final = "|]e0"
_URI: Final = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9.])?)(?::[0-9]{1,5})?"
    r"(?:/[a-z0-9._~%!$&'()*+,;=:@-]+)+(?:\?[a-z0-9._~%!$&'()*+,;=:@/?-]*)?"
    r"(?:\#[a-z0-9._~%!$&'()*+,;=:@/?-]*)?",
    re.IGNORECASE,
)
_LINK_KEYS: Final = frozenset(
    {"00", "01", "253", "255", "401", "402", "414", "417", "8003"}
    | {"8004", "8006", "8010", "8013", "8017", "8018"}
)
"""Primary keys of a Digital Link (GS1 syntax dictionary, `dlpkey`)."""

_NOT_WITH_GTIN: Final = frozenset({"02", "03", "255", "37"})
"""Keys of something else than the scanned item (syntax dictionary, `ex` of 01, 02 and 03)."""

_GTIN_QUALIFIERS: Final = frozenset({"22", "10", "21"})
_THIRD_PARTY_SERIAL: Final = "235"

Problem = tuple[str, str, str]
"""JSON pointer, code, detail (contract §1, Errors)."""


RefusalCode = Literal["bad_check_digit", "not_a_gtin"]


class ScanRefused(ValueError):  # noqa: N818 a refusal is an answer here, not an error
    """A scan field that yields no GTIN: `code` for programs, `detail` for people."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        super().__init__(detail)
        self.code: Final = code
        self.detail: Final = detail


def normalise_gtin(text: str) -> str:
    """The 14 digits that a scan field stands for.

    Codes for use inside a shop (prefixes 02, 20-29 …) are taken as they are: valid here, never
    shown to the world as a GTIN (`is_restricted`). Raises ScanRefused.
    """
    if _DIGITS.fullmatch(text):
        return _from_digits(text)
    if not text or len(text) > SCAN_LENGTH_MAX:
        _refuse(f"expected 1 to {SCAN_LENGTH_MAX} characters, got {len(text)}")
    if text[:4].lower() == "http":
        return _from_link(text)
    if _ELEMENT_TEXT.fullmatch(text) is None:
        _refuse("only digits, a GS1 Digital Link URI or an element string, no blanks")
    return _from_symbology(text) if text.startswith("]") else _from_elements(_elements(text))


scan_gtin = lru_cache(maxsize=32_768)(normalise_gtin)
"""`normalise_gtin` that remembers: tills scan the same codes over and over."""


def is_restricted(gtin: str) -> bool:
    """Whether a kept GTIN is for use inside a shop or company only (prefix 02, 04, 20-29)."""
    return isinstance(Gtin.parse(gtin), Rcn)


def sku_problem(sku: str) -> str | None:
    """What keeps a text from being a SKU (contract §1), or None."""
    if not 1 <= len(sku) <= SKU_LENGTH_MAX:
        return f"a SKU has 1 to {SKU_LENGTH_MAX} characters, not {len(sku)}"
    if "/" in sku or not sku.isprintable():
        return "a SKU has printable characters without /"
    return "a SKU has no blanks at its ends" if sku != sku.strip() else None


def item_codes(body: PutItem) -> tuple[tuple[str, int], ...]:
    """Every code of an item as (14 digits, sales units one scan stands for), without repeats.

    Raises ScanRefused for a code that `problems` would report.
    """
    singles = ((text, 1) for text in body.gtins)
    packs = ((pack.gtin, pack.factor) for pack in body.packs)
    return tuple(dict.fromkeys((scan_gtin(text), factor) for text, factor in (*singles, *packs)))


def problems(body: PutItem) -> list[Problem]:
    """Everything that a decoded body gets wrong in itself, as (pointer, code, detail); 422."""
    return [*_price_problems(body), *_code_problems(body)]


def pointer_of(body: PutItem, gtin: str) -> str:
    """The JSON pointer of the field that gave this barcode (14 digits)."""
    return next(where for where, text, _ in _code_fields(body) if scan_gtin(text) == gtin)


def _price_problems(body: PutItem) -> Iterator[Problem]:
    if (body.price is None) != (body.currency is None):
        missing = "price" if body.price is None else "currency"
        yield f"/{missing}", "price_and_currency", "price and currency go together"


def _code_problems(body: PutItem) -> Iterator[Problem]:
    factors: dict[str, int] = {}
    for pointer, text, factor in _code_fields(body):
        try:
            gtin = scan_gtin(text)
        except ScanRefused as refused:
            yield pointer, refused.code, refused.detail
            continue
        if factors.setdefault(gtin, factor) != factor:
            yield pointer, "gtin_repeated", f"{gtin} stands for {factors[gtin]} units already"


def _code_fields(body: PutItem) -> Iterator[tuple[str, str, int]]:
    """Pointer, text and factor of every scan field."""
    for index, text in enumerate(body.gtins):
        yield f"/gtins/{index}", text, 1
    for index, pack in enumerate(body.packs):
        yield f"/packs/{index}/gtin", pack.gtin, pack.factor


def _from_digits(text: str) -> str:
    """A plain code. Digits alone are never read as an element string, as GS1's engine rules.

    "0104311501445839" may be AI 01 or a misread: only FNC1, brackets or other AIs' letters tell.
    """
    if len(text) not in GTIN_LENGTHS:
        _refuse(f"expected 8, 12, 13 or 14 digits, got {len(text)}")
    return _checked(text)


def _checked(digits: str) -> str:
    expected = gs1_standard_check_digit(digits[:-1])
    if int(digits[-1]) != expected:
        detail = f"the check digit of {digits} should be {expected}, not {digits[-1]}"
        _refuse(detail, "bad_check_digit")
    return digits.zfill(14)


def _refuse(detail: str, code: RefusalCode = "not_a_gtin") -> NoReturn:
    raise ScanRefused(code, detail)


def _from_symbology(text: str) -> str:
    """Scanner output that begins with an AIM symbology identifier ("]C1", "]Q3" …)."""
    found = _SYMBOLOGY.match(text)
    if found is None:
        _refuse(f"{text[:3]} is no symbology identifier")
    data = text[found.end() :].split(_COMPOSITE, 1)[0]
    if found[1] in _ELEMENT_SYMBOLOGIES:
        return _from_elements(_unbracketed(data))
    length = _EAN_LENGTHS.get(found[1])
    if length is not None and (len(data) != length or not _DIGITS.fullmatch(data)):
        _refuse(f"expected {length} digits after ]{found[1]}")
    if data.startswith(("]", "^", "(", _FNC1)):
        _refuse(f"]{found[1]} announces plain data")
    return normalise_gtin(data)


def _elements(text: str) -> Iterable[GS1ElementString]:
    """Elements of text in any of the three ways to write them; "^" is how GS1 prints FNC1."""
    if text.startswith("("):
        return _bracketed(text)
    if text.startswith("^"):
        return _unbracketed(text[1:].replace("^", _FNC1))
    if text.startswith("01") or _FNC1 in text:
        return _unbracketed(text.removeprefix(_FNC1))
    return _refuse(_EXPECTED)


def _unbracketed(text: str) -> Iterable[GS1ElementString]:
    """Elements of "01…" text with GS between them, as scanners send it."""
    try:
        return GS1Message.parse(text).element_strings
    except ParseError:
        _refuse(_EXPECTED)


def _bracketed(text: str) -> Iterable[GS1ElementString]:
    r"""Elements of "(01)…(10)…" as people write it; "\(" is a literal bracket in a value."""
    position, elements = 0, []
    while position < len(text):
        found = _BRACKETED.match(text, position)
        if found is None:
            _refuse(f"no element string at character {position + 1}")
        elements.append(_element(found[1], found[2].replace("\\(", "(")))
        position = found.end()
    return elements


def _element(ai: str, value: str) -> GS1ElementString:
    try:
        element = GS1ElementString.parse(ai + value)
    except ParseError:
        _refuse(f"({ai}) does not take {value[:40]!r}")
    if element.ai.ai != ai:
        _refuse(f"({ai}) is no application identifier")
    return element


def _from_elements(elements: Iterable[GS1ElementString]) -> str:
    """AI 01 of a message, each of whose elements may repeat only with the same value."""
    values: dict[str, str] = {}
    for element in elements:
        if values.setdefault(element.ai.ai, element.value) != element.value:
            _refuse(f"({element.ai.ai}) is there twice with different values")
    if "01" not in values:
        _refuse("the element string has no AI 01")
    if others := _NOT_WITH_GTIN & values.keys():
        _refuse(f"({min(others)}) cannot stand beside (01)")
    return _checked(values["01"])


def _from_link(text: str) -> str:
    """AI 01 of a GS1 Digital Link URI, from the path or (with another key) the query."""
    if _URI.fullmatch(text) is None:
        _refuse("not a GS1 Digital Link URI")
    parts = urlsplit(text)
    path = _link_path(parts.path.split("/")[1:])
    query = [(key, value) for key, value in _query(parts.query) if _DIGITS.fullmatch(key)]
    _guard_link(path, query)
    link = f"https://id.gs1.org/{'/'.join(map('/'.join, path))}?{parts.query}"
    try:
        elements = GS1DigitalLinkURI.parse(link).element_strings
    except ParseError:
        _refuse("not a GS1 Digital Link URI")
    return _from_elements(elements)


def _query(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _link_path(segments: list[str]) -> list[tuple[str, str]]:
    """Key and value pairs of a path, from the last primary key on (GS1 reads from the right)."""
    for start in range(len(segments) - 2, -1, -2):
        if segments[start] in _LINK_KEYS:
            rest = segments[start:]
            return list(zip(rest[::2], rest[1::2], strict=True))
    return _refuse("the URI has no GS1 key in its path")


def _guard_link(path: list[tuple[str, str]], query: list[tuple[str, str]]) -> None:
    """Refuse what biip lets pass: short GTINs, repeated keys, qualifiers in the query."""
    keys = [key for key, _ in (*path, *query)]
    if len(set(keys)) < len(keys):
        _refuse("an application identifier is there twice")
    for key, value in (*path, *query):
        if not value or not unquote(value).isascii() or _DIGITS.fullmatch(key) is None:
            _refuse(f"/{key}/ has no value, or none that GS1 knows")
        if key == "01" and _FOURTEEN.fullmatch(value) is None:
            _refuse("a Digital Link carries a GTIN with all its 14 digits")
    _guard_qualifiers(path, query)
    for key, value in query:
        _element(key, value)


def _guard_qualifiers(path: list[tuple[str, str]], query: list[tuple[str, str]]) -> None:
    """What qualifies a GTIN stands in the path, unless the path already excludes it there."""
    if path[0][0] != "01":
        return
    in_path = {key for key, _ in path[1:]}
    in_query = {key for key, _ in query}
    barred = _GTIN_QUALIFIERS if _THIRD_PARTY_SERIAL not in in_path else frozenset[str]()
    if not in_path:
        barred |= {_THIRD_PARTY_SERIAL}
    if misplaced := barred & in_query:
        _refuse(f"({min(misplaced)}) belongs in the path of the URI")


def search_words(text: str) -> str:
    """A search as text for `to_tsquery`: every word, quoted, as the beginning of one.

    PostgreSQL takes quoted words apart as it did those of the items, so "t-shirt" and "1.5" are
    found as they stand there; nothing in the quotes can be read as an operator.
    """
    words = ("".join(c if c.isprintable() else " " for c in text)).split()
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in words)
    return " & ".join(f"'{word}':*" for word in quoted)
