"""POSLog XML is read in every version, to its bounds, and no bomb goes off (R19)."""

import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pos.rules import Refused
from service.poslog.formats import read_poslog
from service.poslog.rules import receipt_of
from service.poslog.types import (
    DEPTH_MAX,
    ELEMENTS_MAX,
    MeasuredLine,
    PosLogReceipt,
    Transaction,
    Unreadable,
)

DATA = Path(__file__).parent.parent / "data" / "poslog-ncr"
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
ARTS = "http://www.nrf-arts.org/IXRetail/namespace/"
HEAD = """<RetailStoreID>9</RetailStoreID><WorkstationID>3</WorkstationID>
<SequenceNumber>7</SequenceNumber><EndDateTime>2026-11-20T10:00:00</EndDateTime>
<CurrencyCode>DKK</CurrencyCode>"""


def log(inside: str, namespace: str = ARTS) -> bytes:
    return f'<?xml version="1.0"?><POSLog xmlns="{namespace}">{inside}</POSLog>'.encode()


def retail(lines: str, head: str = HEAD, flags: str = "", status: str = "") -> str:
    return (
        f"<Transaction {flags}>{head}<RetailTransaction {status}>{lines}</RetailTransaction>"
        "</Transaction>"
    )


def goods(
    number: int, quantity: str, kind: str = "Sale", flags: str = "", more: str = "", code: str = "1"
) -> str:
    return (
        f"<LineItem {flags}><SequenceNumber>{number}</SequenceNumber><{kind}>"
        f"<POSIdentity><POSItemID>{code}</POSItemID></POSIdentity><ItemID>K{code}</ItemID>"
        f"<Quantity>{quantity}</Quantity>{more}</{kind}></LineItem>"
    )


def read(body: bytes) -> list[Transaction]:
    return [transaction for part in read_poslog(body) for transaction in part]


def only(inside: str, namespace: str = ARTS) -> PosLogReceipt:
    (transaction,) = read(log(inside, namespace))
    found = receipt_of(transaction, COPENHAGEN)
    assert isinstance(found, PosLogReceipt), found
    return found


def unreadable(body: bytes) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(body)
    return caught.value


def test_the_real_file_has_what_its_description_says() -> None:
    packed = (DATA / "store9_2017-10-01.xml.zst").read_bytes()
    transactions = read(zstandard.ZstdDecompressor().decompress(packed))
    assert len(transactions) == 51
    assert [t.ignored for t in transactions].count("control") == 9
    assert sum(len(t.lines) for t in transactions) == 552
    receipts = [receipt_of(t, ZoneInfo("America/New_York")) for t in transactions]
    made = [r for r in receipts if isinstance(r, PosLogReceipt)]
    assert len(made) == 51
    assert {r.kind for r in made} == {"sale", "no_sale"}
    lines = [line for r in made for line in r.lines]
    assert len(lines) == 552 - 2 * 4
    assert sum(line.quantity == 0 for line in lines) == 167 - 2 * 2
    assert all(line.quantity >= 0 for line in lines)
    (refund,) = [line for line in lines if line.text == "BOTTLE REFUND"]
    assert (refund.quantity, refund.paid) == (1, -200)


def test_the_files_are_those_of_the_shared_data(shared_data: Path) -> None:
    folder = shared_data / "vectors" / "poslog-ncr"
    packed = (DATA / "store9_2017-10-01.xml.zst").read_bytes()
    whole = zstandard.ZstdDecompressor().decompress(packed)
    assert whole == (folder / "poslog_store9_2017-10-01.scrubbed.xml").read_bytes()
    small = (folder / "poslog_store9_small.scrubbed.xml").read_bytes()
    assert (DATA / "store9_small.xml").read_bytes() == small


def test_the_small_file_is_a_sign_on_and_a_sale_of_apples() -> None:
    control, sale = read((DATA / "store9_small.xml").read_bytes())
    assert (control.terminal, control.sequence, control.ignored) == ("9-34", "160", "control")
    receipt = receipt_of(sale, ZoneInfo("America/New_York"))
    assert isinstance(receipt, PosLogReceipt)
    assert (receipt.kind, receipt.currency, receipt.payment) == ("sale", "USD", "CreditDebit")
    assert receipt.occurred_at == datetime(2017, 10, 1, 6, 2, 54, tzinfo=UTC)
    assert receipt.lines == (
        MeasuredLine(
            line=1, quantity=0, measure="0.42", sku="00000000067591", gtin="00000000067591",
            text="APPLE HONEYCRISP ORG", unit_price=299, paid=126,
        ),
    )  # fmt: skip


def test_version_6_says_shop_and_time_in_its_own_way() -> None:
    receipt = only(
        """<Transaction TrainingModeFlag="false" TypeCode="SaleTransaction">
        <BusinessUnit><UnitID TypeCode="Country">DK</UnitID></BusinessUnit>
        <BusinessUnit><UnitID TypeCode="RetailStore">aar</UnitID></BusinessUnit>
        <WorkstationID TypeCode="POS">2</WorkstationID><SequenceNumber>1966</SequenceNumber>
        <POSLogDateTime TypeCode="Message">2026-11-20T12:00:00Z</POSLogDateTime>
        <POSLogDateTime TypeCode="Transaction">2026-11-20T10:00:00+01:00</POSLogDateTime>
        <CurrencyCode>EUR</CurrencyCode><RetailTransaction><LineItem><Sale>
        <ItemID Type="GTIN">5701234567899</ItemID><Quantity>1.000</Quantity>
        <ActualSalesUnitPrice>9.95</ActualSalesUnitPrice></Sale><SequenceNumber>1</SequenceNumber>
        </LineItem></RetailTransaction></Transaction>""",
        "http://www.nrf-arts.org/IXRetail/v6.0.0/poslog",
    )
    assert (receipt.terminal, receipt.sequence) == ("aar-2", 1966)
    assert receipt.occurred_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    (line,) = receipt.lines
    assert (line.gtin, line.quantity, line.measure, line.unit_price) == (
        "5701234567899", 1, "1", 995,
    )  # fmt: skip


def test_without_a_namespace_and_with_others_beside_it_reads_alike() -> None:
    strange = '<x:Quantity xmlns:x="urn:x">9</x:Quantity>'
    (line,) = only(retail(goods(1, "2", more=strange)), "").lines
    assert (line.line, line.measure) == (1, "2")
    wrapped = '<x:RetailTransaction xmlns:x="urn:x"><LineItem/></x:RetailTransaction>'
    assert only(f"<Transaction>{HEAD}{wrapped}</Transaction>").ignored == "control"


@pytest.mark.parametrize(
    ("flags", "status", "why"),
    [
        ('TrainingModeFlag="true"', "", "training"),
        ('CancelFlag="true"', "", "cancelled"),
        ('CancelFlag="1"', "", "cancelled"),
        ('SuspendFlag="true"', "", "suspended"),
        ("", 'TransactionStatus="Suspended"', "suspended"),
        ("", 'TransactionStatus="Canceled"', "cancelled"),
        ("", 'TransactionStatus="Voided"', "cancelled"),
        ('CancelFlag="false" TrainingModeFlag="0"', 'TransactionStatus="Delivered"', None),
    ],
)
def test_a_flag_decides_whether_a_transaction_counts(
    flags: str, status: str, why: str | None
) -> None:
    receipt = only(retail(goods(1, "2"), flags=flags, status=status))
    assert receipt.ignored == why
    assert (receipt.kind, len(receipt.lines)) == (("sale", 1) if why is None else ("no_sale", 0))


@pytest.mark.parametrize(
    "inside",
    [
        "<PostTransactionVoid>{link}</PostTransactionVoid>",
        "<RetailTransaction><PostVoid>{link}</PostVoid></RetailTransaction>",
        '<RetailTransaction TransactionStatus="PostVoided">{link}</RetailTransaction>',
        "<RetailTransaction/>{link}",
        "<RetailTransaction><LineItem><Void>{link}</Void></LineItem></RetailTransaction>",
    ],
)
def test_a_void_of_an_earlier_transaction_names_it(inside: str) -> None:
    link = """<TransactionLink ReasonCode="PostVoid"><RetailStoreID>8</RetailStoreID>
    <WorkstationID>2</WorkstationID><SequenceNumber>6</SequenceNumber></TransactionLink>"""
    receipt = only(f"<Transaction>{HEAD}{inside.format(link=link)}</Transaction>")
    assert receipt.kind == "void"
    assert receipt.voids is not None
    assert (receipt.voids.terminal, receipt.voids.sequence) == ("8-2", 6)


def test_going_on_with_a_suspended_sale_voids_nothing() -> None:
    link = '<TransactionLink ReasonCode="Resume"><SequenceNumber>6</SequenceNumber>'
    receipt = only(retail(f"{link}</TransactionLink>{goods(1, '1')}"))
    assert (receipt.kind, receipt.voids) == ("sale", None)


def test_a_broken_file_says_where() -> None:
    whole = (DATA / "store9_small.xml").read_bytes()
    assert "Line 2, column" in unreadable(whole[:5_000]).detail
    assert "mismatched tag" in unreadable(log("<Transaction>\n</Wrong>")).detail
    assert unreadable(b"").code == "invalid_xml"
    assert unreadable(b"<html/>").detail == "The root is no POSLog."
    assert "encoding" in unreadable(b'<?xml version="1.0" encoding="utf-99"?><POSLog/>').detail


BOMBS = {
    "a billion laughs": b'[<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><POSLog>&b;</POSLog>',
    "an external entity": b'[<!ENTITY x SYSTEM "file:///etc/passwd">]><POSLog>&x;</POSLog>',
    "a document type": b'SYSTEM "http://127.0.0.1/x.dtd"><POSLog/>',
    "a parameter entity": b'[<!ENTITY % x "y"> %x;]><POSLog/>',
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
def test_a_document_type_is_refused_before_it_is_read(body: bytes) -> None:
    why = unreadable(b"<!DOCTYPE POSLog " + body)
    assert why.code == "invalid_xml"
    assert "no document type and no entities are taken" in why.detail


def test_depth_count_and_tags_have_their_bounds() -> None:
    levels = DEPTH_MAX - 1
    assert read(log("<a>" * levels + "</a>" * levels)) == []
    assert unreadable(log("<a>" * DEPTH_MAX + "</a>" * DEPTH_MAX)).code == "too_deep"
    assert unreadable(log("<a/>" * ELEMENTS_MAX)).code == "batch_too_large"
    assert unreadable(log("<Transaction/>" * 1_001)).code == "batch_too_large"
    lines = "".join(goods(number, "1") for number in range(1, 1_002))
    assert unreadable(log(retail(lines))).code == "batch_too_large"
    long_tag = b"<POSLog " + b" ".join(b'a%d="1"' % n for n in range(400_000)) + b"/>"
    assert "too long" in unreadable(long_tag).detail
    assert "too long" in unreadable(log(f"<!--{'x' * 4_000_000}-->")).detail


def test_five_megabytes_are_read_in_bounded_memory() -> None:
    filler = "<Note>" + "x" * 1_000 + "</Note>" * 1
    body = log(retail(filler * 4_000 + goods(1, "1")))
    rubbish = log(retail("<a><b/></a>" * 60_000))
    tracemalloc.start()
    try:
        for each in (body, rubbish):
            tracemalloc.reset_peak()
            assert len(read(each)) == 1
            assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


SMALL = (DATA / "store9_small.xml").read_bytes()[:3_000]
CLOSED = b"</Sale></LineItem></RetailTransaction></Transaction></POSLog>"


@settings(max_examples=300)
@given(
    st.integers(0, len(SMALL)),
    st.integers(0, 40),
    st.binary(max_size=40) | st.sampled_from([b"\x00", b"<", b"&#0;", b"]]>", b"-", b"9" * 40]),
)
def test_a_damaged_file_is_read_or_refused_and_never_anything_else(
    at: int, cut: int, put: bytes
) -> None:
    damaged = SMALL[:at] + put + SMALL[at + cut :]
    for body in (damaged, damaged[: damaged.rfind(b"<Quantity>")] + CLOSED, put):
        try:
            transactions = read(body)
        except Unreadable:
            continue
        for transaction in transactions:
            for zone in (COPENHAGEN, None):
                assert isinstance(receipt_of(transaction, zone), PosLogReceipt | Refused)
