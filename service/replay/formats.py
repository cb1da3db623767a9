"""Reads recorded sales in the form of UCI Online Retail: a CSV, plain, zstd or gzip.

Columns (any order, more are ignored): InvoiceNo, StockCode, Description, Quantity, InvoiceDate
(`YYYY-MM-DD HH:MM:SS`, the seller's local time), UnitPrice, CustomerID (may be empty), Country.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import IO, cast
from zoneinfo import ZoneInfo

import zstandard

from service.replay.types import BadCode, BadLine, ReadReport, RecordedInvoice, RecordedLine

ZONE = ZoneInfo("Europe/London")
COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
EXAMPLES_MAX = 20
MAGNITUDE_MAX = 10**9
SKU_LENGTH_MAX = 64


class _BadLineError(ValueError):
    """A line that cannot be taken, and why."""

    def __init__(self, code: BadCode) -> None:
        super().__init__(code)
        self.code = code


class _Draft:
    """An invoice whose lines are still coming."""

    __slots__ = ("at", "country", "customer", "lines")

    def __init__(self, at: datetime, customer: str | None, country: str) -> None:
        self.at, self.customer, self.country = at, customer, country
        self.lines: list[RecordedLine] = []


def read_invoices(stream: IO[bytes], report: ReadReport) -> Iterator[RecordedInvoice]:
    """Yields the invoices in the order of their first lines; fills `report` on the way.

    A bad line is counted in the report and left out. Raises ValueError when a column is missing
    or the compressed stream is broken. The whole file is read before the first invoice comes:
    lines of two invoices may be mixed (the real file has such a pair), and what is planned
    from the invoices needs all of them anyway.
    """
    drafts: dict[str, _Draft] = {}
    try:
        with _text(stream) as text:
            for number, at, customer, country, line in _lines(text, report):
                draft = drafts.get(number)
                if draft is None:
                    draft = drafts[number] = _Draft(at, customer, country)
                draft.lines.append(line)
    except (zstandard.ZstdError, gzip.BadGzipFile, zlib.error, EOFError, csv.Error) as error:
        message = "not a file of recorded sales, or it is broken"
        raise ValueError(message) from error
    while drafts:  # freed one by one, so that memory never holds everything twice
        number = next(iter(drafts))
        draft = drafts.pop(number)
        yield RecordedInvoice(number, draft.at, draft.customer, draft.country, tuple(draft.lines))


def _text(stream: IO[bytes]) -> IO[str]:
    """The stream as text, unpacked by its first bytes, not by a file's name."""
    raw: IO[bytes] = io.BufferedReader(cast("io.RawIOBase", stream))
    magic = cast("io.BufferedReader", raw).peek(4)[:4]
    if magic == b"\x28\xb5\x2f\xfd":
        unpacker = zstandard.ZstdDecompressor()
        raw = cast("IO[bytes]", unpacker.stream_reader(raw, read_across_frames=True))
    elif magic[:2] == b"\x1f\x8b":
        raw = cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")


def _lines(
    text: IO[str], report: ReadReport
) -> Iterator[tuple[str, datetime, str | None, str, RecordedLine]]:
    rows = csv.reader(text)
    header = next(rows, [])
    places, keep = _places(header), _keeper()
    while True:
        try:
            row = next(rows)
            if not row:
                continue  # an empty line says nothing, good or bad
            parsed = _parse(row, len(header), places, keep)
        except StopIteration:
            return
        except csv.Error:
            _count(report, rows.line_num, BadCode.CSV)
        except _BadLineError as error:
            _count(report, rows.line_num, error.code)
        else:
            report.lines += 1
            yield parsed


def _places(header: list[str]) -> list[int]:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        message = f"not a file of recorded sales: no column {', '.join(missing)}"
        raise ValueError(message)
    return [header.index(name) for name in COLUMNS]


def _count(report: ReadReport, line: int, code: BadCode) -> None:
    report.lines += 1
    report.bad[code] = report.bad.get(code, 0) + 1
    if len(report.examples) < EXAMPLES_MAX:
        report.examples.append(BadLine(line, code))


def _keeper() -> Callable[[str], str]:
    """One object per distinct text of a file: names and codes repeat a hundred times."""
    kept: dict[str, str] = {}
    return lambda text: kept.setdefault(text, text)


def _parse(
    row: list[str], width: int, places: list[int], keep: Callable[[str], str]
) -> tuple[str, datetime, str | None, str, RecordedLine]:
    if len(row) != width:
        raise _BadLineError(BadCode.COLUMNS)  # a stray comma shifts everything behind it
    number, sku, name, quantity, at, price, customer, country = [row[i] for i in places]
    number = number.strip().upper()
    if not number:
        raise _BadLineError(BadCode.INVOICE)
    line = RecordedLine(keep(_sku(sku)), keep(name.strip()), _quantity(quantity), _price(price))
    if line.price < 0 and not number.startswith("A"):
        raise _BadLineError(BadCode.NEGATIVE_PRICE)  # only finance invoices have them
    customer = customer.strip().removesuffix(".0")  # some copies of the set kept a float
    return number, _at(at), keep(customer) or None, keep(country.strip()), line


def _sku(text: str) -> str:
    sku = text.strip().upper()
    if not sku or len(sku) > SKU_LENGTH_MAX or "/" in sku or not sku.isprintable():
        raise _BadLineError(BadCode.SKU)
    return sku


@lru_cache(4096)
def _quantity(text: str) -> int:
    try:
        quantity = int(text)
    except ValueError:
        raise _BadLineError(BadCode.QUANTITY) from None
    if quantity == 0:
        raise _BadLineError(BadCode.ZERO)  # says nothing; the contract refuses it (§12)
    if abs(quantity) > MAGNITUDE_MAX:
        raise _BadLineError(BadCode.QUANTITY)
    return quantity


@lru_cache(4096)
def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise _BadLineError(BadCode.PRICE) from None
    if not price.is_finite() or abs(price) > MAGNITUDE_MAX:
        raise _BadLineError(BadCode.PRICE)
    return price


@lru_cache(4096)
def _at(text: str) -> datetime:
    """A local time made aware: one that came twice is the later, one that never was goes forward.

    With fold=1 a repeated time is the later one and a normal time is itself; a skipped time does
    not survive the way through UTC, and then the offset before the jump carries it forward.
    """
    try:
        local = datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE, fold=1)
    except ValueError:
        raise _BadLineError(BadCode.TIME) from None
    there = local.astimezone(UTC).astimezone(ZONE)
    if there.replace(tzinfo=None) == local.replace(tzinfo=None):
        return local
    return local.replace(fold=0).astimezone(UTC).astimezone(ZONE)
