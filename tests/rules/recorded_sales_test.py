"""Recorded sales become what tills would have sent, and a second computation agrees (R17)."""

import csv
import io
import re
import runpy
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import zstandard
from biip.gtin import Gtin
from hypothesis import given, settings
from hypothesis import strategies as st

from service.replay import formats, rules
from service.replay.types import (
    Plan,
    PlayedCorrection,
    PlayedReceipt,
    ReadReport,
    SaleRef,
    Stock,
)

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests/data/online_retail_sample.csv.zst"
SAMPLE_DERIVED = ROOT / "tests/data/derived_sample.csv.zst"
SHARED = ROOT.parent / "shared/data/online-retail"
FULL = SHARED / "online_retail_2010-12_2011-09.csv.zst"
FULL_DERIVED = SHARED / "derived_invoice_channel_store.csv.zst"
INDEPENDENT = ROOT / "tests/data/independent_stock.py"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

independent: Callable[[Path], tuple[Stock, Stock]] = runpy.run_path(str(INDEPENDENT))["final_stock"]
with_full = pytest.mark.skipif(not FULL.exists(), reason="the ten months are not beside this clone")
both_files = pytest.mark.parametrize(
    "path", [SAMPLE, pytest.param(FULL, marks=with_full)], ids=["sample", "full"]
)
_plans: dict[Path, Plan] = {}


def planned(path: Path) -> Plan:
    """Plan a file once for all tests."""
    if path not in _plans:
        with path.open("rb") as stream:
            _plans[path] = rules.plan(formats.read_invoices(stream, ReadReport()))
    return _plans[path]


def plan_of(text: str) -> Plan:
    """Plan, for one till a place, a file's text that lacks only the header."""
    stream = io.BytesIO((HEADER + text).encode())
    return rules.plan(formats.read_invoices(stream, ReadReport()), terminals_per_location=1)


def receipts(plan: Plan) -> list[PlayedReceipt]:
    """Give the receipts of a plan in order."""
    return [step for step in plan.steps if isinstance(step, PlayedReceipt)]


def unpacked(path: Path) -> bytes:
    """Unpack a zstd file."""
    with path.open("rb") as stream:
        return zstandard.ZstdDecompressor().stream_reader(stream).read()


def line(number: str, quantity: int, **other: str) -> str:
    """Write one line of a file."""
    given_ = {"sku": "85123A", "at": "2011-01-04 10:00:00", "price": "2.55", "customer": "17850"}
    v = given_ | other
    country = v.get("country", "United Kingdom")
    return (
        f"{number},{v['sku']},Heart,{quantity},{v['at']},{v['price']},{v['customer']},{country}\n"
    )


@with_full
def test_the_ten_months_give_every_invoice_exactly_one_fate() -> None:
    counts = planned(FULL).counts
    kinds = ("sale", "return", "stock_adjustment", "finance_adjustment")
    assert [counts[f"{kind}_invoices"] for kind in kinds] == [14_334, 2_887, 1_562, 3]
    assert [counts[f"{kind}_lines"] for kind in kinds] == [362_705, 6_652, 1_571, 3]
    assert counts["invoices"] == 18_786 == sum(counts[f"{kind}_invoices"] for kind in kinds)
    assert counts["lines"] == 370_931 == sum(counts[f"{kind}_lines"] for kind in kinds)
    # no invoice has over 1,000 lines (the longest has 705), so none is split
    assert (counts["sale_receipts"], counts["return_receipts"]) == (14_334, 2_887)
    # 20 of the corrections' lines are vouchers and the like, which have no stock
    assert counts["movements"] == 1_571 - 20
    # 6,652 returned lines = 438 fees and discounts + 5,097 linked + 1,117 without a known sale
    assert (counts["linked_returns"], counts["unlinked_returns"]) == (5_097, 1_117)
    assert counts["fee_lines"] == 1_785 + 438
    assert counts["collect_receipts"] == 1_154
    # the sale of 74,215 units and its return sixteen minutes later
    assert counts["review_receipts"] == 2


def test_the_sample_is_real_and_holds_every_kind_of_invoice() -> None:
    plan = planned(SAMPLE)
    assert plan.counts["lines"] == 22_523
    assert plan.counts["invoices"] == 1_088
    assert plan.counts["stock_adjustment_invoices"] == 118
    assert plan.counts["return_invoices"] == 136
    assert plan.counts["linked_returns"] == 59
    assert plan.counts["collect_receipts"] == 68
    assert plan.counts["fee_lines"] == 101
    assert {receipt.location for receipt in receipts(plan)} == set(rules.places())


@with_full
def test_the_sample_is_cut_as_its_source_file_says() -> None:
    wanted = re.compile(rb"row,|.*,2010-12-0[1-9] [0-9:]{8},")
    lines = unpacked(FULL).splitlines(keepends=True)
    assert unpacked(SAMPLE) == b"".join(one for one in lines if wanted.match(one))
    rows = csv.DictReader(io.StringIO(unpacked(SAMPLE).decode()))
    inside = {row["InvoiceNo"] for row in rows}
    after = csv.DictReader(io.StringIO(unpacked(FULL).decode()))
    outside = {row["InvoiceNo"] for row in after if row["InvoiceDate"] >= "2010-12-10"}
    assert not inside & outside


@pytest.mark.parametrize(
    ("path", "derived"),
    [(SAMPLE, SAMPLE_DERIVED), pytest.param(FULL, FULL_DERIVED, marks=with_full)],
    ids=["sample", "full"],
)
def test_channel_and_shop_of_every_invoice_are_those_derived_elsewhere(
    path: Path, derived: Path
) -> None:
    with path.open("rb") as stream:
        ours = [(i, rules.derive(i)) for i in formats.read_invoices(stream, ReadReport())]
    rows = list(csv.DictReader(io.StringIO(unpacked(derived).decode())))
    assert [invoice.number for invoice, _ in ours] == [row["InvoiceNo"] for row in rows]
    for (invoice, our), row in zip(ours, rows, strict=True):
        store = row["derived_store"].lower().replace("w00", "web")
        if our.kind == "stock_adjustment":
            assert store == ""  # no place in the derived file: ours is the invoice number's shop
            assert our.location in rules.places()
            store = our.location
        assert (our.kind, our.channel, our.location or "") == (row["kind"], row["channel"], store)
        assert (our.channel == "click_and_collect") == (row["derived_click_collect"] == "1")
        assert f"{invoice.at:%Y-%m-%d %H:%M:%S}" == row["first_ts"]
        assert len(invoice.lines) == int(row["lines"])


@both_files
def test_every_till_counts_from_one_without_a_gap_in_the_order_of_time(path: Path) -> None:
    last: dict[str, tuple[int, datetime]] = {}
    for played in receipts(planned(path)):
        receipt = played.receipt
        before = last.get(receipt.terminal, (0, receipt.occurred_at))
        assert receipt.sequence == before[0] + 1
        assert receipt.occurred_at >= before[1]
        assert planned(path).terminals[receipt.terminal] == played.location
        last[receipt.terminal] = receipt.sequence, receipt.occurred_at
    assert last.keys() == planned(path).terminals.keys()


def balances(plan: Plan) -> Iterator[tuple[tuple[str, str], int]]:
    """Walk through the plan from empty shelves; gives what each sellable balance becomes."""
    balance: Stock = defaultdict(int)
    for step in plan.steps:
        if isinstance(step, PlayedCorrection):
            moves = [(move.sku, move.quantity) for move in step.movements]
        else:
            lines = zip(step.skus, step.receipt.lines, strict=True)
            moves = [
                (sku, -one.quantity)
                for sku, one in lines
                if plan.items[sku].stock_tracked and (one.quantity > 0 or one.resaleable)
            ]
        for sku, units in moves:
            balance[step.location, sku] += units
            yield (step.location, sku), balance[step.location, sku]


@both_files
def test_the_opening_stock_is_enough_and_one_unit_less_is_not(path: Path) -> None:
    plan = planned(path)
    lowest = dict(plan.opening)
    for key, balance in balances(plan):
        here = plan.opening.get(key, 0) + balance
        assert here >= 0
        lowest[key] = min(lowest.get(key, 0), here)
    assert all(units > 0 and lowest[key] == 0 for key, units in plan.opening.items())


def assert_both_agree(plan: Plan, path: Path) -> None:
    """Compare opening and final stock per place and SKU with the second computation."""
    opening, final = independent(path)
    ours = {key: sum(units) for key, units in rules.final_stock(plan).items()}
    assert {k: n for k, n in opening.items() if n} == plan.opening
    assert {k: n for k, n in final.items() if n} == {k: n for k, n in ours.items() if n}


@both_files
def test_a_second_computation_finds_the_same_opening_and_final_stock(path: Path) -> None:
    assert_both_agree(planned(path), path)


def invoice(number: str, customer: str = "", country: str = "United Kingdom") -> dict[str, str]:
    return {"number": number, "customer": customer, "country": country}


known = [invoice("1", "17850"), invoice("C3", "17850"), invoice("2", "12346", "EIRE")]
recorded_lines = st.builds(
    lambda head, quantity, sku, price: line(quantity=quantity, sku=sku, price=price, **head),
    st.sampled_from([*known, invoice("C4", "12346"), *map(invoice, ("5", "C6", "A7"))]),
    st.integers(-9, 9),
    st.sampled_from(["85123A", "85123a", "22423", "POST", "M", "DOT"]),
    st.sampled_from(["0", "2.55", "0.001", "0.00"]),
)


@given(st.lists(recorded_lines, max_size=40))
@settings(deadline=None)
def test_both_computations_agree_on_any_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(HEADER + "".join(lines))
    assert_both_agree(plan_of("".join(lines)), path)


def test_the_second_computation_prints_units_per_sku_as_json() -> None:
    printed = subprocess.run(
        [sys.executable, INDEPENDENT, SAMPLE, "--json"], check=True, capture_output=True
    )
    ours: Counter[str] = Counter()
    for (_, sku), units in rules.final_stock(planned(SAMPLE)).items():
        ours[sku] += sum(units)
    assert msgspec.json.decode(printed.stdout) == ours


@both_files
def test_returns_are_linked_to_earlier_sales_of_the_same_customer_and_never_exceed_them(
    path: Path,
) -> None:
    sold: dict[SaleRef, tuple[str | None, str]] = {}
    left: Counter[SaleRef] = Counter()
    for played in receipts(planned(path)):
        receipt = played.receipt
        for sku, one in zip(played.skus, receipt.lines, strict=True):
            assert one.resaleable == isinstance(one.sale, SaleRef)
            if isinstance(one.sale, SaleRef):
                assert sold[one.sale] == (receipt.customer, sku)
                assert receipt.customer is not None
                left[one.sale] += one.quantity
                assert left[one.sale] >= 0
            here = SaleRef(receipt.terminal, receipt.sequence, one.line)
            sold[here], left[here] = (receipt.customer, sku), one.quantity
    assert sold


def test_a_return_takes_the_newest_sale_line_with_enough_left() -> None:
    plan = plan_of(
        line("1", 5)
        + line("2", 3)
        + line("C3", -4)  # only the first has four
        + line("C4", -1)  # both have one: the newest
        + line("C5", -3)  # neither has three left
        + line("C6", -1, customer="99")  # another customer's
    )
    links = [played.receipt.lines[0].sale for played in receipts(plan)[2:]]
    assert links == [SaleRef("s09-1", 1, 1), SaleRef("s09-1", 2, 1), msgspec.UNSET, msgspec.UNSET]


@both_files
def test_items_carry_their_own_valid_restricted_code_and_fees_have_none(path: Path) -> None:
    items = planned(path).items
    codes = [code for item in items.values() for code in item.gtins]
    assert len(set(codes)) == len(codes) == sum(item.stock_tracked for item in items.values())
    for code in codes:
        assert code.startswith("20")
        assert Gtin.parse(code).as_gtin_13() == code
    fees = {sku for sku, item in items.items() if not item.stock_tracked}
    assert {"POST", "D", "M"} <= fees
    assert not any(sku[:5].isdigit() for sku in fees)
    assert all(item.name.strip() and item.price >= 0 for item in items.values())


def test_an_item_has_its_most_frequent_name_and_latest_price() -> None:
    text = (
        line("1", 1, price="2.55")
        + line("2", 1, price="0").replace("Heart", "")
        + line("3", 1, price="3.395").replace("Heart", "White heart")
        + line("4", 1, price="0", customer="").replace("Heart", "damaged")
        + line("5", 1, price="0", customer="", sku="99999")
        + line("C6", -1, price="9.99")
    )
    items = plan_of(text + line("7", 1, price="0")).items
    assert (items["85123A"].name, items["85123A"].price) == ("Heart", 340)
    assert (items["99999"].name, items["99999"].price) == ("Heart", 0)


def test_money_is_rounded_half_up_and_negative_on_returned_lines() -> None:
    plan = plan_of(line("1", 3, price="0.335") + line("C2", -3, price="0.335"))
    (sale,), (back,) = (played.receipt.lines for played in receipts(plan))
    assert (sale.unit_price, sale.paid) == (34, 101)
    assert (back.unit_price, back.paid) == (34, -101)


def test_a_receipt_has_the_shape_of_the_contract() -> None:
    (played,) = receipts(plan_of(line("536365", 6) + line("536365", 1, sku="M", price="1")))
    gtin = plan_of(line("536365", 6)).items["85123A"].gtins[0]
    assert msgspec.json.decode(msgspec.json.encode(played.receipt)) == {
        "terminal": "s09-1",
        "sequence": 1,
        "kind": "sale",
        "occurred_at": "2011-01-04T10:00:00Z",
        "currency": "GBP",
        "customer": "or1-17850",
        "lines": [
            {"line": 1, "quantity": 6, "unit_price": 255, "paid": 1530, "gtin": gtin},
            {"line": 2, "quantity": 1, "unit_price": 100, "paid": 100, "sku": "M"},
        ],
    }


def test_a_warehouse_correction_is_a_movement_with_the_sign_of_the_stock() -> None:
    plan = plan_of(
        line("1", -5, price="0", customer="")
        + line("2", 7, price="0.00", customer="")
        + line("3", 7, price="0")  # a customer's gift is a sale
        + line("4", 7, price="0", customer="", sku="M")  # no goods
    )
    corrections = [step for step in plan.steps if isinstance(step, PlayedCorrection)]
    moves = [move for step in corrections for move in step.movements]
    assert [(move.kind, move.quantity) for move in moves] == [("adjusted", -5), ("adjusted", 7)]
    assert [move.source_key for move in moves] == ["correction:1:1", "correction:2:1"]
    assert [played.invoice for played in receipts(plan)] == ["3"]


def test_an_invoice_of_more_than_a_thousand_lines_becomes_two_receipts() -> None:
    plan = plan_of(line("1", 1) * 1_001 + line("C2", -1))
    long, rest, back = (played.receipt for played in receipts(plan))
    assert [len(long.lines), len(rest.lines)] == [1_000, 1]
    assert [long.sequence, rest.sequence] == [1, 2]
    assert back.lines[0].sale == SaleRef(long.terminal, 2, 1)


def test_signs_on_one_receipt_make_it_an_exchange() -> None:
    (played,) = receipts(plan_of(line("1", 2) + line("1", -1)))
    assert played.receipt.kind == "exchange"


def test_places_are_thirteen_with_codes_and_coordinates_in_copenhagen() -> None:
    places = rules.places()
    assert list(places) == [f"s{n:02d}" for n in range(1, 13)] + ["web"]
    assert len({(place.latitude, place.longitude) for place in places.values()}) == 13
    for place in places.values():
        assert 55.6 < place.latitude < 55.75
        assert 12.4 < place.longitude < 12.65
        assert list(place.opening_hours) == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert [code for code, place in places.items() if not place.pickup.enabled] == ["web"]


def test_the_opening_movements_hold_the_whole_opening_stock_under_keys_of_their_own() -> None:
    at = datetime(2010, 12, 1, tzinfo=UTC)
    moves = list(rules.opening_movements(planned(SAMPLE).opening, at))
    assert {(m.location, m.sku): m.quantity for m in moves} == planned(SAMPLE).opening
    assert len({move.source_key for move in moves}) == len(moves)
    assert {(move.kind, move.occurred_at) for move in moves} == {("opening", at)}


def test_more_tills_share_the_same_receipts() -> None:
    with SAMPLE.open("rb") as stream:
        plan = rules.plan(formats.read_invoices(stream, ReadReport()), terminals_per_location=5)
    assert len(plan.terminals) == 13 * 5
    assert [r.invoice for r in receipts(plan)] == [r.invoice for r in receipts(planned(SAMPLE))]
    assert plan.opening == planned(SAMPLE).opening


@with_full
def test_the_ten_months_are_planned_in_bounded_time_and_memory() -> None:
    program = (
        "import sys, time\n"
        "from service.replay import formats, rules, types\n"
        "with open(sys.argv[1], 'rb') as f:\n"
        "    plan = rules.plan(formats.read_invoices(f, types.ReadReport()))\n"
        "high = next(l for l in open('/proc/self/status') if l.startswith('VmHWM'))\n"
        "print(time.process_time(), int(high.split()[1]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, FULL], check=True, capture_output=True, cwd=ROOT
    )
    seconds, megabytes = done.stdout.split()
    assert float(seconds) < 15
    assert int(megabytes) < 600


def test_till_lines_name_an_item_by_its_code_or_its_sku_and_never_by_both() -> None:
    for played in receipts(planned(SAMPLE)):
        for one in played.receipt.lines:
            assert (one.sku is msgspec.UNSET) != (one.gtin is msgspec.UNSET)
