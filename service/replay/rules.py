"""From recorded invoices to what tills and staff would have sent. Pure: facts in, plan out.

Real in the recorded set: sales, returns, warehouse corrections, web orders. Derived here by fixed
rules: shops, click & collect, returns in another shop, tills, GTINs, the link from a return to its
sale, and the opening stock.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from service.replay.types import (
    Derived,
    Item,
    Movement,
    Pickup,
    Place,
    Plan,
    PlayedCorrection,
    PlayedReceipt,
    RecordedInvoice,
    RecordedLine,
    SaleRef,
    Step,
    Stock,
    TillLine,
    TillReceipt,
)

CURRENCY = "GBP"
SHOPS = 12
WEB = "web"
RECEIPT_LINES_MAX = 1000
REVIEW_QUANTITY = 10_000
WEB_CODES = frozenset({"DOT", "POST", "C2"})
REASON_LENGTH_MAX = 200
_PRODUCT = re.compile(r"[0-9]{5}")


def derive(invoice: RecordedInvoice) -> Derived:
    """What an invoice was, and where.

    A correction has no place in the set: it is put at the shop of its own number, by the rule for
    anonymous sales. Without a customer nobody could have ordered ahead or gone to another shop.
    """
    number, customer = invoice.number, invoice.customer
    if number.startswith("A"):
        return Derived("finance_adjustment", "none", None)
    returned = number.startswith("C")
    shop = _draw("OR1", customer or number.removeprefix("C"), SHOPS)
    if not (returned or customer or any(line.price for line in invoice.lines)):
        return Derived("stock_adjustment", "warehouse", _shop(shop))
    kind: Literal["sale", "return"] = "return" if returned else "sale"
    if invoice.country != "United Kingdom" or any(line.sku in WEB_CODES for line in invoice.lines):
        return Derived(kind, "web", WEB)
    if customer is None:
        return Derived(kind, "pos_anonymous", _shop(shop))
    if returned and _draw("XS", number, 5) == 0:
        shop = (shop + 1 + _draw("XT", number, SHOPS - 1)) % SHOPS
    elif not returned and _draw("CC", number, 10) == 0:
        return Derived(kind, "click_and_collect", _shop(shop))
    return Derived(kind, "pos_customer", _shop(shop))


def is_product(sku: str) -> bool:
    """Product codes start with five digits; the rest is freight, fees, discounts or finance."""
    return _PRODUCT.match(sku) is not None


def plan(invoices: Iterable[RecordedInvoice], terminals_per_location: int = 2) -> Plan:
    """Plans a replay of invoices that come in the order of their times.

    Needs `terminals_per_location` of at least 1. Fees and freight become items without stock;
    finance invoices are counted and left out.
    """
    known = list(invoices)
    items = _items(known)
    tills = _Tills(items, terminals_per_location)
    steps = tuple(step for invoice in known for step in tills.steps(invoice))
    counts = {"invoices": len(known), "lines": sum(len(i.lines) for i in known)}
    terminals = {terminal: terminal.rpartition("-")[0] for terminal in sorted(tills.sequences)}
    return Plan(items, terminals, opening_stock(steps, items), steps, counts | dict(tills.counts))


def opening_stock(steps: Iterable[Step], items: dict[str, Item]) -> Stock:
    """The smallest stock per (location, sku) that never goes negative; zeros are left out."""
    balance: Stock = defaultdict(int)
    lowest: Stock = defaultdict(int)
    for key, sellable, _ in _moves(steps, items):
        balance[key] += sellable
        lowest[key] = min(lowest[key], balance[key])
    return {key: -units for key, units in sorted(lowest.items()) if units}


def opening_movements(opening: Stock, at: datetime) -> Iterator[Movement]:
    """The movements that put the opening stock there; sent twice they post once (source_key)."""
    reason = "Smallest opening stock that the recorded sales need"
    for (location, sku), units in opening.items():
        key = f"opening:{location}:{sku}"
        yield Movement(location, sku, "opening", units, at, reason, "replay:opening", key)


def final_stock(the_plan: Plan) -> dict[tuple[str, str], tuple[int, int]]:
    """(sellable, quarantine) per (location, sku) when everything has been posted, in any order."""
    stock = {key: (units, 0) for key, units in the_plan.opening.items()}
    for key, sellable, quarantine in _moves(the_plan.steps, the_plan.items):
        before = stock.get(key, (0, 0))
        stock[key] = before[0] + sellable, before[1] + quarantine
    return stock


def fits_together(part: Sequence[PlayedReceipt], played: PlayedReceipt, most: int) -> bool:
    """Whether a shop can send it in one request with those before it (contract §5)."""
    lines = sum(len(one.receipt.lines) for one in part) + len(played.receipt.lines)
    return len(part) < most and (not part or lines <= RECEIPT_LINES_MAX)


def restricted_gtin(body: int) -> str:
    """A GTIN-13 for use inside one company (GS1 prefix 20) around ten digits of our own."""
    digits = f"20{body:010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def places() -> dict[str, Place]:
    """Twelve invented shops spread over Copenhagen, and the webshop; by location code."""
    week = {day: [("08:00", "20:00")] for day in _DAYS[:5]}
    hours = week | {"sat": [("09:00", "18:00")], "sun": [("10:00", "16:00")]}
    pickup = Pickup(enabled=True, instructions="Desk by the entrance")
    shops = {
        _shop(index): Place(
            f"Butik {name}", "store", "DK", "hovedstaden", _ZONE, latitude, longitude, hours, pickup
        )
        for index, (name, latitude, longitude) in enumerate(_POINTS)
    }
    around = {day: [("00:00", "24:00")] for day in _DAYS}
    closed = Pickup(enabled=False)
    web = Place("Webshop", "webshop", "DK", "hovedstaden", _ZONE, 55.64, 12.46, around, closed)
    return {**shops, WEB: web}


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ZONE = "Europe/Copenhagen"
_POINTS = (  # a rough point in each quarter, typed in by hand
    ("Indre By", 55.681, 12.575),
    ("Christianshavn", 55.673, 12.594),
    ("Vesterbro", 55.668, 12.548),
    ("Frederiksberg", 55.679, 12.530),
    ("Nørrebro", 55.695, 12.550),
    ("Østerbro", 55.705, 12.577),
    ("Nordhavn", 55.710, 12.600),
    ("Amager", 55.655, 12.610),
    ("Sydhavn", 55.649, 12.540),
    ("Valby", 55.662, 12.510),
    ("Vanløse", 55.686, 12.490),
    ("Brønshøj", 55.705, 12.495),
)


class _OpenSale(Struct):
    """A sale line that units may still come back from."""

    left: int
    ref: SaleRef


class _Tills:
    """Walks through the invoices once and remembers sequences, open sale lines and counts."""

    def __init__(self, items: dict[str, Item], terminals: int) -> None:
        self.items, self.terminals = items, terminals
        self.sequences: dict[str, int] = defaultdict(int)
        self.counts: dict[str, int] = defaultdict(int)
        self._sold: dict[tuple[str, str], list[_OpenSale]] = defaultdict(list)

    def steps(self, invoice: RecordedInvoice) -> Iterator[Step]:
        derived = derive(invoice)
        self.counts[f"{derived.kind}_invoices"] += 1
        self.counts[f"{derived.kind}_lines"] += len(invoice.lines)
        if derived.location is None:
            return
        if derived.kind == "stock_adjustment":
            movements = tuple(self._movements(invoice, derived.location))
            if movements:
                yield PlayedCorrection(invoice.number, derived.location, movements)
            return
        for start in range(0, len(invoice.lines), RECEIPT_LINES_MAX):
            part = invoice.lines[start : start + RECEIPT_LINES_MAX]
            yield self._receipt(invoice, derived, derived.location, part)

    def _movements(self, invoice: RecordedInvoice, location: str) -> Iterator[Movement]:
        for index, line in enumerate(invoice.lines, 1):
            if not is_product(line.sku):
                self.counts["untracked_correction_lines"] += 1
                continue
            self.counts["movements"] += 1
            reason = line.name[:REASON_LENGTH_MAX] or "warehouse correction"
            reference, key = f"invoice:{invoice.number}", f"correction:{invoice.number}:{index}"
            yield Movement(
                location, line.sku, "adjusted", line.quantity, invoice.at, reason, reference, key
            )

    def _receipt(
        self,
        invoice: RecordedInvoice,
        derived: Derived,
        location: str,
        part: Sequence[RecordedLine],
    ) -> PlayedReceipt:
        terminal = f"{location}-{1 + _draw('TL', invoice.number, self.terminals)}"
        self.sequences[terminal] += 1
        sequence = self.sequences[terminal]
        lines = []
        for number, line in enumerate(part, 1):
            here = SaleRef(terminal, sequence, number)
            lines.append(self._line(line, here, invoice.customer))
        kind = _receipt_kind(part)
        self.counts[f"{kind}_receipts"] += 1
        customer = invoice.customer and f"or1-{invoice.customer}"
        receipt = TillReceipt(
            terminal, sequence, kind, invoice.at, CURRENCY, tuple(lines), customer
        )
        review = any(abs(line.quantity) >= REVIEW_QUANTITY for line in part)
        self.counts["review_receipts"] += review
        collect = derived.channel == "click_and_collect"
        self.counts["collect_receipts"] += collect
        skus = tuple(line.sku for line in part)
        return PlayedReceipt(
            invoice.number, location, derived.channel, collect, review, skus, receipt
        )

    def _line(self, line: RecordedLine, here: SaleRef, customer: str | None) -> TillLine:
        unit_price, paid = _minor(line.price), _minor(line.price * line.quantity)
        if not is_product(line.sku):
            self.counts["fee_lines"] += 1
            return TillLine(here.line, line.quantity, unit_price, paid, sku=line.sku)
        sale: SaleRef | UnsetType = UNSET
        if line.quantity > 0 and customer:
            self._sold[customer, line.sku].append(_OpenSale(line.quantity, here))
        elif line.quantity < 0:
            sale = self._sale_of(line, customer)
            self.counts["unlinked_returns" if sale is UNSET else "linked_returns"] += 1
        (gtin,) = self.items[line.sku].gtins
        return TillLine(
            here.line,
            line.quantity,
            unit_price,
            paid,
            gtin=gtin,
            sale=sale,
            resaleable=sale is not UNSET,
        )

    def _sale_of(self, line: RecordedLine, customer: str | None) -> SaleRef | UnsetType:
        """The same customer's newest sale line of the goods that has enough units left."""
        if customer is None:
            return UNSET
        for sale in reversed(self._sold[customer, line.sku]):
            if sale.left >= -line.quantity:
                sale.left += line.quantity
                return sale.ref
        return UNSET


def _items(invoices: Sequence[RecordedInvoice]) -> dict[str, Item]:
    """Every SKU with its most frequent name and its latest price in a sale.

    Corrections name an item only where no sale or return does: they say "damaged", "lost".
    """
    names: dict[str, Counter[str]] = defaultdict(Counter)
    spare: dict[str, Counter[str]] = defaultdict(Counter)
    prices: dict[str, Decimal] = {}
    for invoice in invoices:
        kind = derive(invoice).kind
        if kind == "finance_adjustment":
            continue
        words = spare if kind == "stock_adjustment" else names
        for line in invoice.lines:
            words[line.sku][line.name] += 1
            if line.quantity > 0 and line.price:
                prices[line.sku] = line.price
    skus = sorted(names.keys() | spare.keys())
    gtins = _gtins(sku for sku in skus if is_product(sku))
    return {
        sku: Item(
            _name(names[sku]) or _name(spare[sku]) or sku,
            gtins.get(sku, ()),
            _minor(prices.get(sku, Decimal(0))),
            CURRENCY,
            is_product(sku),
        )
        for sku in skus
    }


def _name(words: Counter[str]) -> str | None:
    return next((name for name, _ in words.most_common() if name), None)


def _gtins(skus: Iterable[str]) -> dict[str, tuple[str]]:
    """One code for each SKU, drawn from its name; the second of two that meet takes the next."""
    taken: set[int] = set()
    gtins = {}
    for sku in skus:
        body = _draw("GT", sku, 10**10, hex_digits=16)
        while body in taken:
            body = (body + 1) % 10**10
        taken.add(body)
        gtins[sku] = (restricted_gtin(body),)
    return gtins


def _moves(
    steps: Iterable[Step], items: dict[str, Item]
) -> Iterator[tuple[tuple[str, str], int, int]]:
    """What each step does to stock: (key, change of sellable, change of quarantine)."""
    for step in steps:
        if isinstance(step, PlayedCorrection):
            for move in step.movements:
                yield (move.location, move.sku), move.quantity, 0
            continue
        for sku, line in zip(step.skus, step.receipt.lines, strict=True):
            if not items[sku].stock_tracked:
                continue
            back = line.quantity < 0 and not line.resaleable
            change = -line.quantity
            yield (step.location, sku), 0 if back else change, change if back else 0


def _receipt_kind(lines: Sequence[RecordedLine]) -> Literal["sale", "return", "exchange"]:
    signs = {line.quantity > 0 for line in lines}
    if len(signs) > 1:
        return "exchange"
    return "sale" if True in signs else "return"


def _minor(amount: Decimal) -> int:
    """Pounds to pence, halves away from zero."""
    return int((amount * 100).to_integral_value(ROUND_HALF_UP))


def _draw(purpose: str, key: str, sides: int, hex_digits: int = 8) -> int:
    """A fixed throw of a die: 0 … sides - 1, always the same for the same key."""
    return int(sha256(f"{purpose}|{key}".encode()).hexdigest()[:hex_digits], 16) % sides


def _shop(index: int) -> str:
    """S01 … S12 of the recorded set, as a location code."""
    return f"s{index + 1:02d}"
