"""Files of recorded sales: every form is read, and one bad line never loses the others (R17)."""

import gzip
import io
from datetime import UTC, datetime, timedelta

import pytest
import zstandard

from service.replay import formats
from service.replay.types import BadCode, ReadReport, RecordedInvoice

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
ROW = {
    "number": "1",
    "sku": "85123A",
    "name": "Heart",
    "quantity": "1",
    "at": "2011-01-04 10:00:00",
    "price": "2.55",
    "customer": "17850",
    "country": "United Kingdom",
}


def line(number: str, quantity: int, **other: str) -> str:
    """Write one line of a file."""
    return ",".join((ROW | {"number": number, "quantity": str(quantity)} | other).values()) + "\n"


def read(text: str | bytes) -> tuple[list[RecordedInvoice], ReadReport]:
    """Read a file's text that lacks only the header, or a whole file's bytes."""
    report = ReadReport()
    raw = (HEADER + text).encode() if isinstance(text, str) else text
    return list(formats.read_invoices(io.BytesIO(raw), report)), report


def test_the_lines_of_one_invoice_come_together_and_equal_lines_all_count() -> None:
    invoices, report = read(line("1", 2) + line("C2", -1) + "\n" + line("1", 2))
    assert [(i.number, len(i.lines)) for i in invoices] == [("1", 2), ("C2", 1)]
    assert (report.lines, report.bad) == (3, {})


def test_codes_are_upper_cased_and_an_empty_customer_is_none() -> None:
    (known, unknown), _ = read(
        line("1", 1, sku="85123a", customer="17850.0") + line("c2", -1, customer="")
    )
    assert (known.lines[0].sku, known.customer) == ("85123A", "17850")
    assert (unknown.number, unknown.customer) == ("C2", None)


def test_columns_may_stand_in_any_order_and_more_are_ignored() -> None:
    names = ["row", *HEADER.strip().split(",")[::-1]]
    values = ["7", *reversed(ROW.values())]
    turned = f"{','.join(names)}\n{','.join(values)}\n".encode()
    assert read(turned)[0] == read(line("1", 1))[0]


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2011-01-04 10:00:00", "2011-01-04T10:00:00"),
        ("2011-07-04 10:00:00", "2011-07-04T09:00:00"),
        ("2011-03-27 01:30:00", "2011-03-27T01:30:00"),  # never was: 02:30 summer time
        ("2011-10-30 01:30:00", "2011-10-30T01:30:00"),  # came twice: the later one
        ("2011-10-30 00:59:00", "2011-10-29T23:59:00"),
    ],
)
def test_local_times_without_zone_become_one_moment(local: str, utc: str) -> None:
    (invoice,), _ = read(line("1", 1, at=local))
    assert invoice.at.astimezone(UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert invoice.at.utcoffset() in {timedelta(0), timedelta(hours=1)}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (line("1", 0), BadCode.ZERO),
        (line("1", 10**12), BadCode.QUANTITY),
        (line("1", 1, price="-1"), BadCode.NEGATIVE_PRICE),
        (line("1", 1, price="NaN"), BadCode.PRICE),
        (line("1", 1, price="1e999999"), BadCode.PRICE),
        (line("1", 1, price="2,55"), BadCode.COLUMNS),
        (line("1", 1, price='"2,55"'), BadCode.PRICE),
        (line("1", 1, at="2011-13-01 10:00:00"), BadCode.TIME),
        (line("1", 1, sku="a/b"), BadCode.SKU),
        (line("1", 1, sku=""), BadCode.SKU),
        (line("1", 1, sku="1" * 65), BadCode.SKU),
        (line(" ", 1), BadCode.INVOICE),
        ("1,85123A,Heart\n", BadCode.COLUMNS),
        (f"1,{'x' * 2_000_000}\n", BadCode.CSV),
        ("1,85123A,Heart,six,2011-01-04 10:00:00,2.55,,United Kingdom\n", BadCode.QUANTITY),
    ],
)
def test_a_bad_line_is_counted_and_never_loses_the_others(bad: str, code: BadCode) -> None:
    invoices, report = read(line("8", 1) + bad + line("9", 1))
    assert [invoice.number for invoice in invoices] == ["8", "9"]
    assert report.bad == {code: 1}
    assert report.lines == 3
    assert [(one.line, one.code) for one in report.examples] == [(3, code)]


def test_the_same_file_reads_the_same_plain_and_packed() -> None:
    raw = (HEADER + line("1", 1)).encode()
    plain, _ = read(raw)
    assert len(plain) == 1
    assert read(gzip.compress(raw))[0] == plain
    assert read(zstandard.ZstdCompressor().compress(raw))[0] == plain


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"a,b,c\n1,2,3\n",
        gzip.compress(b"x" * 1000)[:-9],
        gzip.compress((HEADER + line("1", 1)).encode())[:-12] + b"x" * 12,
        b"x" * 200_000,
        b"\x28\xb5\x2f\xfd broken",
        b"\x1f\x8b broken",
        b"\xff\xfe\x00\x01",
    ],
)
def test_a_file_of_another_kind_is_refused_with_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a file of recorded sales|is broken"):
        read(raw)
