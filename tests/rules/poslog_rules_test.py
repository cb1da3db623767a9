"""What a transaction is as a receipt: voids, returns, clocks, weights and money (R19)."""

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pos.rules import Refused, asked
from service.poslog.rules import instant_of, minor, receipt_of
from service.poslog.types import MeasuredLine, PosLogReceipt
from tests.rules.poslog_formats_test import HEAD, goods, log, only, read, retail


def counted(receipt: PosLogReceipt) -> list[tuple[int, str | None]]:
    return [(line.line, line.measure) for line in receipt.lines]


def refused(inside: str) -> Refused:
    (transaction,) = read(log(inside))
    found = receipt_of(transaction, ZoneInfo("Europe/Copenhagen"))
    assert isinstance(found, Refused), found
    return found


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (goods(1, "2", flags='VoidFlag="true"'), []),
        (goods(1, "2") + goods(2, "-2", flags='VoidFlag="true"'), []),
        (goods(1, "2", flags='VoidFlag="1"') + goods(2, "-2", flags='VoidFlag="true"'), []),
        (goods(1, "1") * 1 + goods(2, "1") + goods(3, "-1", flags='VoidFlag="true"'), [(1, "1")]),
        (
            goods(1, "1")
            + goods(2, "1", flags='VoidFlag="true"')
            + goods(3, "-1", flags='VoidFlag="true"'),
            [(1, "1")],
        ),
        (goods(1, "3") + goods(2, "-1", flags='VoidFlag="true"'), [(1, "2")]),
        (goods(1, "1.47") + goods(2, "-1.47", flags='VoidFlag="true"'), []),
        (goods(1, "1") + goods(2, "-1", flags='VoidFlag="true"', code="2"), [(1, "1")]),
        (goods(1, "1", "Return") + goods(2, "-1", "Return", 'VoidFlag="true"'), []),
        (goods(1, "-1", "Return") + goods(2, "1", "Return", 'VoidFlag="true"'), []),
        (goods(1, "1", "Return") + goods(2, "1", "Return", 'VoidFlag="true"'), [(1, "-1")]),
        (
            goods(1, "1")
            + goods(2, "5", code="2")
            + "<LineItem><SequenceNumber>3</SequenceNumber><Void><ItemLink>1</ItemLink></Void>"
            "</LineItem>",
            [(2, "5")],
        ),
        (goods(1, "-1"), [(1, "-1")]),
        (goods(1, ""), [(1, "1")]),
    ],
)
def test_a_voided_line_nets_to_nothing_and_no_other_line_does(
    lines: str, left: list[tuple[int, str]]
) -> None:
    assert counted(only(retail(lines))) == left


def test_a_return_comes_back_whatever_its_sign_and_names_its_sale() -> None:
    link = """<TransactionLink ReasonCode="Return"><WorkstationID>1</WorkstationID>
    <SequenceNumber>0055</SequenceNumber><LineItemSequenceNumber>2</LineItemSequenceNumber>
    </TransactionLink><Disposal Method="ReturnToStock"/><ExtendedAmount>5.00</ExtendedAmount>"""
    lines = goods(1, "1", "Return", more=link) + goods(2, "-3", "Return") + goods(3, "1")
    receipt = only(retail(lines))
    assert receipt.kind == "exchange"
    assert [line.quantity for line in receipt.lines] == [-1, -3, 1]
    first = receipt.lines[0]
    assert first.sale is not None
    assert (first.sale.terminal, first.sale.sequence, first.sale.line) == ("9-1", 55, 2)
    assert (first.resaleable, first.paid) == (True, -500)
    assert receipt.lines[1].sale is None


def test_a_card_number_is_never_read() -> None:
    tender = """<LineItem><Tender TenderType="CreditDebit"><Amount>1</Amount><CreditDebit>
    <PrimaryAccountNumber>4111111111111111</PrimaryAccountNumber></CreditDebit></Tender></LineItem>
    <LineItem><Tender TenderType="Cash"/></LineItem>"""
    customer = "<Customer><CustomerID>c 5500005555555559</CustomerID></Customer>"
    receipt = only(retail(goods(1, "1") + tender + customer))
    assert receipt.payment == "CreditDebit + Cash"
    body = asked(receipt).body
    assert b"4111111111111111" not in body
    assert b"5500005555555559" not in body


def test_paid_is_the_amount_less_its_discount() -> None:
    more = """<RegularSalesUnitPrice>10.005</RegularSalesUnitPrice>
    <ExtendedAmount>20.00</ExtendedAmount><ExtendedDiscountAmount>5.50</ExtendedDiscountAmount>"""
    (line,) = only(retail(goods(1, "2", more=more))).lines
    assert (line.unit_price, line.paid) == (1001, 1450)


@pytest.mark.parametrize(
    ("currency", "amount", "wanted"), [("DKK", "1.5", 150), ("JPY", "150", 150), ("KWD", "1", 1000)]
)
def test_money_is_in_minor_units_of_its_currency(currency: str, amount: str, wanted: int) -> None:
    head = HEAD.replace("DKK", currency)
    more = f"<ExtendedAmount>{amount}</ExtendedAmount>"
    (line,) = only(retail(goods(1, "1", more=more), head)).lines
    assert line.paid == wanted
    assert minor(None, currency) is None


@pytest.mark.parametrize(
    ("unit", "quantity", "wanted"),
    [
        ("EA", "2", (2, "2", None)),
        ("KGM", "0.420", (0, "0.42", None)),
        ("GRM", "420", (420, None, None)),
        ("GRM", "0.5", (0, None, "0.5")),
    ],
)
def test_a_unit_says_whether_base_units_are_counted(
    unit: str, quantity: str, wanted: tuple[int, str | None, str | None]
) -> None:
    lines = goods(1, quantity).replace("<Quantity>", f'<Quantity UnitOfMeasureCode="{unit}">')
    (line,) = only(retail(lines)).lines
    assert (line.quantity, line.measure, line.base_measure) == wanted


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-10-25T01:59:59", "2026-10-24T23:59:59"),
        ("2026-10-25T02:30:00", "2026-10-25T01:30:00"),  # twice: the later one
        ("2026-10-25T03:00:00", "2026-10-25T02:00:00"),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00"),  # never: 03:30 in summer time
        ("2026-03-29T03:30:00", "2026-03-29T01:30:00"),
        ("2026-07-01T12:00:00.25", "2026-07-01T10:00:00.25"),
    ],
)
def test_a_time_without_zone_is_by_the_clock_of_the_place(local: str, utc: str) -> None:
    receipt = only(retail(goods(1, "1"), HEAD.replace("2026-11-20T10:00:00", local)))
    assert receipt.occurred_at == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - a clock on a wall
    st.sampled_from(["Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"]),
)
def test_a_local_time_is_never_read_as_its_earlier_instant(local: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    found = instant_of(local, zone)
    back = found.astimezone(zone).replace(tzinfo=None)
    assert back >= local
    assert found >= local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def test_of_an_unknown_terminal_a_time_without_zone_is_kept_as_such() -> None:
    (transaction,) = read(log(retail(goods(1, "1"))))
    receipt = receipt_of(transaction, None)
    assert isinstance(receipt, PosLogReceipt)
    assert (receipt.zone, receipt.occurred_at.hour) == ("unknown", 10)


@pytest.mark.parametrize(
    ("inside", "code", "part"),
    [
        (retail(goods(1, "0")), "zero_quantity", "/lines/0/quantity"),
        (retail(goods(1, "one")), "invalid_request", "/lines/0/quantity"),
        (retail(goods(1, "1e3")), "invalid_request", "/lines/0/quantity"),
        (retail(goods(1, "99999999999")), "invalid_request", "/lines/0/quantity"),
        (retail(goods(0, "1")), "invalid_request", "/lines/0/line"),
        (retail(goods(1, "1") * 2), "invalid_value", "/lines"),
        (retail("", HEAD.replace(">7<", ">0<")), "invalid_request", "/sequence"),
        (retail("", HEAD.replace(">7<", ">x7<")), "invalid_request", "/sequence"),
        (retail("", HEAD.replace(">9<", ">no such shop!<")), "invalid_request", "/terminal"),
        (retail("", HEAD.replace("2026-11-20T10:00:00", "")), "invalid_request", "/occurred_at"),
        (retail("", HEAD.replace("2026-11-20T10", "20 Nov 10")), "invalid_request", "/occurred_at"),
        (retail("", HEAD.replace("2026-11-20T10", "2026-13-20T10")), "invalid_request", "time"),
        (retail("", HEAD.replace("2026-11-20T10", "0001-01-01T00")), "invalid_value", "UTC"),
        (retail("", HEAD.replace("DKK", "crowns")), "invalid_request", "/currency"),
        (f"<Transaction>{HEAD}<PostVoid/></Transaction>", "invalid_request", "/voids"),
        ("<Transaction><RetailTransaction/></Transaction>", "invalid_request", "/occurred_at"),
    ],
)
def test_a_bad_transaction_says_what_is_wrong(inside: str, code: str, part: str) -> None:
    why = refused(inside)
    assert why.code == code
    assert part in why.detail


names = st.text(
    st.characters(exclude_categories=("C", "Z"), max_codepoint=0x2FFF), min_size=1, max_size=20
)
lines_of = st.lists(
    st.builds(
        lambda quantity, sku, gtin, text, price, paid: {
            "quantity": quantity, "sku": sku, "gtin": gtin, "text": text,
            "unit_price": price, "paid": paid if quantity > 0 else -abs(paid),
        },
        st.integers(-1000, 1000).filter(bool), names, names, names,
        st.integers(0, 10**8), st.integers(-(10**8), 10**8),
    ),
    max_size=6,
)  # fmt: skip


def written(receipt: PosLogReceipt) -> str:
    """A receipt as a till would write it; prices have two digits."""

    def money(amount: int | None) -> str:
        sign = "-" if (amount or 0) < 0 else ""
        return f"{sign}{abs(amount or 0) // 100}.{abs(amount or 0) % 100:02}"

    def line(one: Any) -> str:
        kind = "Sale" if one.quantity > 0 else "Return"
        return f"""<LineItem><SequenceNumber>{one.line}</SequenceNumber><{kind} ItemType="Stock">
        <POSIdentity POSIDType="GTIN"><POSItemID>{escape(one.gtin)}</POSItemID>
        </POSIdentity><ItemID>{escape(one.sku)}</ItemID><Description>{escape(one.text)}</Description>
        <RegularSalesUnitPrice>{money(one.unit_price)}</RegularSalesUnitPrice>
        <ExtendedAmount>{money(one.paid)}</ExtendedAmount>
        <Quantity Units="1">{abs(one.quantity)}.000</Quantity></{kind}></LineItem>"""

    store, _, workstation = receipt.terminal.partition("-")
    return retail(
        "".join(line(one) for one in receipt.lines)
        + f"<Customer><CustomerID>{escape(receipt.customer or '')}</CustomerID></Customer>",
        f"""<RetailStoreID>{store}</RetailStoreID><WorkstationID>{workstation}</WorkstationID>
        <SequenceNumber>{receipt.sequence}</SequenceNumber><CurrencyCode>DKK</CurrencyCode>
        <EndDateTime>{receipt.occurred_at.isoformat()}</EndDateTime>""",
    )


@given(
    st.integers(1, 999_999_999_999),
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    names,
    lines_of,
)
def test_a_receipt_that_is_written_as_a_poslog_is_read_back(
    sequence: int, at: datetime, customer: str, lines: list[dict[str, Any]]
) -> None:
    sold = {one["quantity"] > 0 for one in lines}
    wanted = PosLogReceipt(
        terminal="aar-1",
        sequence=sequence,
        kind="exchange"
        if len(sold) > 1
        else {True: "sale", False: "return"}[sold.pop()]  # type: ignore[arg-type]
        if sold
        else "no_sale",
        occurred_at=at,
        currency="DKK",
        customer=customer,
        lines=tuple(
            MeasuredLine(line=number, measure=str(one["quantity"]), **one)
            for number, one in enumerate(lines, start=1)
        ),
    )
    assert only(written(wanted)) == wanted
    assert asked(only(written(wanted))).fingerprint == asked(wanted).fingerprint
