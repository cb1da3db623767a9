"""Random worlds of tills and counts, and a second model that knows how each of them must end.

The model reads a world's events as a set: it has no order to depend on. What it says is written as
the lines of `hylde state`, so that the two are compared row by row.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

Line = dict[str, Any]
Body = dict[str, Any]
Key = tuple[str, int]
SKUS = ("K1", "K2", "K3", "K4")  # nobody knows K4's barcode until it is mapped
LATE_SKU = "K4"
REVIEW_QUANTITY = 10_000
TILLS = ("a1", "a2", "b1", "b2")


class Event(NamedTuple):
    """Something that happened: a receipt, a count, or the mapping of K4's barcode.

    `altered`: the natural key of an original from which this copy differs.
    """

    what: str
    body: Body
    altered: bool = False

    @property
    def key(self) -> Key:
        return self.body["terminal"], self.body["sequence"]


class Sold(NamedTuple):
    """A sale line that returns can name."""

    key: Key
    line: int
    sku: str
    quantity: int


class World:
    """One seed's events, in the order in which they happened; codes without a world's name."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.seed, self.dice, self.now = seed, Random(seed), now
        self.events: list[Event] = []
        self.sequences = dict.fromkeys(TILLS, 0)
        self.sold: list[Sold] = []
        self.voided: set[Key] = set()
        self.kept: set[Key] = set()  # never voided
        self.make()

    def make(self) -> None:
        count = self.dice.randint(5, 14)
        seconds = sorted(self.dice.sample(range(3_600, 3 * 86_400), count), reverse=True)
        for ago in seconds:
            self.happen(self.now - timedelta(seconds=ago))
        never = set(self.not_counted())
        for ago in self.dice.sample(range(1_800, 3 * 86_400), self.dice.choice((0, 0, 1, 2, 4))):
            count = self.count(self.now - timedelta(seconds=ago))
            if (count.body["shop"], count.body["sku"]) not in never:
                self.events.append(count)
        if self.dice.random() < 0.6:
            self.events.append(Event("map", {}))
        for event in list(self.events):
            if event.what == "receipt" and self.dice.random() < 0.12:
                self.events.append(self.altered(event))

    def happen(self, at: datetime) -> None:
        kind = self.dice.choices(
            ("sale", "return", "exchange", "void", "no_sale"), (10, 4, 2, 4, 1)
        )[0]
        if kind == "void" and not self.voidable():
            kind = "sale"
        body = {"terminal": "", "sequence": 0, "kind": kind, "occurred_at": at, "lines": []}
        body["terminal"] = self.dice.choice(TILLS)
        # now and then a number is never told: a gap that stays
        self.sequences[body["terminal"]] += 2 if self.dice.random() < 0.06 else 1
        body["sequence"] = self.sequences[body["terminal"]]
        if kind == "void":
            body["voids"] = self.void()
        elif kind != "no_sale":
            body["lines"] = list(self.lines(body, kind))
        self.events.append(Event("receipt", body))

    def lines(self, body: Body, kind: str) -> Iterator[Line]:
        signs = {"sale": (1,), "return": (-1,), "exchange": (-1, 1)}[kind]
        here = (body["terminal"], body["sequence"])
        large = kind == "sale" and self.dice.random() < 0.03
        for number in range(1, len(signs) + self.dice.randint(0, 2) + 1):
            sign = signs[number - 1] if number <= len(signs) else self.dice.choice(signs)
            if sign < 0:
                yield self.return_line(here, number)
                continue
            quantity = REVIEW_QUANTITY if large else self.dice.randint(1, 4)
            line = self.named(number, self.dice.choice(SKUS), quantity)
            if not large:
                self.sold.append(Sold(here, number, line["is"], quantity))
            yield line

    def named(self, number: int, sku: str, quantity: int) -> Line:
        by_code = sku == LATE_SKU or self.dice.random() < 0.5
        return {"line": number, "quantity": quantity, "is": sku, "by_code": by_code}

    def return_line(self, here: Key, number: int) -> Line:
        """Of a sale line (perhaps more than is left, perhaps of a voided one), or of no sale."""
        sold_before = [
            one
            for one in self.sold
            if one.key != here and not (one.key in self.voided and one.sku == LATE_SKU)
        ]
        if not sold_before or self.dice.random() < 0.25:
            line = self.named(number, self.dice.choice(SKUS), -self.dice.randint(1, 3))
            return {**line, "resaleable": self.dice.random() < 0.5}
        sold = self.dice.choice(sold_before)
        units = self.dice.randint(1, sold.quantity + (self.dice.random() < 0.1))
        if sold.sku == LATE_SKU:
            self.kept.add(sold.key)
        line = self.named(number, sold.sku, -units)
        terminal, sequence = sold.key
        sale = {"terminal": terminal, "sequence": sequence, "line": sold.line}
        return {**line, "resaleable": self.dice.random() < 0.6, "sale": sale}

    def voidable(self) -> list[Event]:
        return [
            event
            for event in self.events
            if event.what == "receipt"
            and event.key not in self.voided
            and event.key not in self.kept
        ]

    def void(self) -> dict[str, Any]:
        if self.dice.random() < 0.1:
            return {"terminal": "a1", "sequence": 900}  # it never comes
        target = self.dice.choice(self.voidable())
        self.voided.add(target.key)
        return {"terminal": target.key[0], "sequence": target.key[1]}

    def count(self, at: datetime) -> Event:
        shop, sku = self.dice.choice("ab"), self.dice.choice(SKUS)
        counted = self.dice.randint(0, 12)
        return Event("count", {"shop": shop, "sku": sku, "counted": counted, "counted_at": at})

    def not_counted(self) -> Iterator[tuple[str, str]]:
        """Where a count between the two would tell in which order they came.

        What was voided before it was fully known (a return before its sale, a barcode before it was
        mapped) is taken back as it stood: the goods are right, but not at every moment between.
        """
        for event in self.events:
            if event.what == "receipt" and event.key in self.voided:
                for line in event.body["lines"]:
                    if line["is"] == LATE_SKU or ("sale" in line and line["resaleable"]):
                        yield event.key[0][0], line["is"]

    def altered(self, event: Event) -> Event:
        later = event.body["occurred_at"] + timedelta(seconds=1)
        return Event("receipt", {**event.body, "occurred_at": later}, altered=True)

    def told(self, dice: Random) -> list[Event]:
        """The events in some order, some of them more than once; an original before its copy."""
        again = [event for event in self.events if dice.random() < 0.25]
        order = self.events + again + [event for event in again if dice.random() < 0.3]
        dice.shuffle(order)
        out: list[Event] = []
        known: set[Key] = set()
        waiting: list[Event] = []
        for event in order:
            waiting.append(event)
            ready = [one for one in waiting if self.may_come(one, known)]
            while ready:
                out += ready
                known |= {one.key for one in ready if one.what == "receipt"}
                waiting = [one for one in waiting if one not in ready]
                ready = [one for one in waiting if self.may_come(one, known)]
        return out

    def may_come(self, event: Event, known: set[Key]) -> bool:
        return not event.altered or event.key in known


class Entry(NamedTuple):
    """Goods that moved, by the event set alone."""

    at: datetime
    shop: str
    sku: str
    source: str
    target: str
    units: int


class Model:
    """How a world ends."""

    def __init__(self, world: World) -> None:
        self.receipts = {
            event.key: event.body
            for event in world.events
            if event.what == "receipt" and not event.altered
        }
        self.altered = [event for event in world.events if event.altered]
        self.counts = [event.body for event in world.events if event.what == "count"]
        self.mapped = any(event.what == "map" for event in world.events)
        self.voids = {
            (void["voids"]["terminal"], void["voids"]["sequence"]): void
            for void in self.receipts.values()
            if self.void_status(void) == "posted"
        }
        self.accepted = dict(self.judged())
        self.entries = [one for key in self.posted() for one in self.moves(key)]

    def lines(self) -> list[str]:
        """What `hylde state` prints of it."""
        found = [*self.balances(), *self.statuses(), *self.sale_lines(), *self.open_items()]
        return sorted("\t".join(str(part) for part in line) for line in found)

    # receipts

    def void_status(self, body: Body) -> str:
        if body["kind"] != "void":
            return ""
        target = self.receipts.get((body["voids"]["terminal"], body["voids"]["sequence"]))
        if target is None or held(target):
            return "parked"
        return "conflict" if target["kind"] in ("void", "no_sale") else "posted"

    def posted(self) -> list[Key]:
        return [
            key for key, body in self.receipts.items() if body["kind"] != "void" and not held(body)
        ]

    def is_known(self, line: Line) -> bool:
        return self.mapped or line["is"] != LATE_SKU

    def status(self, key: Key, body: Body) -> str:
        if body["kind"] == "void":
            return self.void_status(body)
        if held(body):
            return "held_for_review"
        if key in self.voids:
            return "voided"
        whole = all(self.is_known(line) for line in body["lines"])
        return "posted" if whole else "partly_posted"

    def statuses(self) -> Iterator[tuple[object, ...]]:
        for (terminal, sequence), body in self.receipts.items():
            yield "receipt", terminal, 1, sequence, self.status((terminal, sequence), body)

    # goods

    def moves(self, key: Key) -> Iterator[Entry]:
        body = self.receipts[key]
        shop, void = key[0][0], self.voids.get(key)
        for line in body["lines"]:
            if not self.is_known(line):
                continue
            for source, target, units in self.goods(key, line):
                if units:
                    at = body["occurred_at"]
                    yield Entry(at, shop, line["is"], source, target, units)
                    if void:
                        back = void["occurred_at"]
                        yield Entry(back, shop, line["is"], target, source, units)

    def goods(self, key: Key, line: Line) -> Iterator[tuple[str, str, int]]:
        if line["quantity"] > 0:
            yield "sellable", "customer", line["quantity"]
            return
        units, accepted = -line["quantity"], self.accepted.get((key, line["line"]), 0)
        yield "customer", "sellable" if line.get("resaleable") else "quarantine", accepted
        yield "customer", "quarantine", units - accepted

    def judged(self) -> Iterator[tuple[tuple[Key, int], int]]:
        """How many units of each returned line its sale line has left, in the order of their times.

        What was voided brings nothing back, and nothing can be brought back to it.
        """
        for sale, returns in self.returns().items():
            (sold,) = [line for line in self.receipts[sale[0]]["lines"] if line["line"] == sale[1]]
            left = 0 if sale[0] in self.voids else sold["quantity"]
            for _, key, number, units in sorted(returns):
                if key not in self.voids:
                    yield (key, number), min(units, left)
                    left -= min(units, left)

    def returns(self) -> dict[tuple[Key, int], list[tuple[datetime, Key, int, int]]]:
        """The known returned lines of each sale line."""
        found: dict[tuple[Key, int], list[tuple[datetime, Key, int, int]]] = defaultdict(list)
        for key in self.posted():
            for line in self.receipts[key]["lines"]:
                if "sale" in line and self.is_known(line):
                    named = (line["sale"]["terminal"], line["sale"]["sequence"])
                    told = (self.receipts[key]["occurred_at"], key, line["line"], -line["quantity"])
                    found[named, line["sale"]["line"]].append(told)
        return found

    def balances(self) -> Iterator[tuple[object, ...]]:
        """The last count says what was there; all else is a sum, and shrink what is left over."""
        for shop in "ab":
            for sku in SKUS:
                mine = [one for one in self.entries if (one.shop, one.sku) == (shop, sku)]
                units: dict[str, int] = defaultdict(int)
                for one in mine:
                    units[one.source] -= one.units
                    units[one.target] += one.units
                counts = [c for c in self.counts if (c["shop"], c["sku"]) == (shop, sku)]
                if counts:
                    last = max(counts, key=lambda count: count["counted_at"])
                    later = [one for one in mine if one.at > last["counted_at"]]
                    units["sellable"] = last["counted"] + sum(
                        one.units * ((one.target == "sellable") - (one.source == "sellable"))
                        for one in later
                    )
                    units["shrink"] = -sum(units.values())
                if units["sellable"] < 0:
                    yield "shortfall", shop, sku, -units["sellable"]
                for account, balance in units.items():
                    if balance:
                        yield "balance", shop, sku, account, balance

    def sale_lines(self) -> Iterator[tuple[object, ...]]:
        returns = self.returns()
        for key in self.posted():
            for line in self.receipts[key]["lines"]:
                # the late item's of a voided one depends on which was known first, the void or it
                if key in self.voids and line["is"] == LATE_SKU:
                    continue
                if line["quantity"] > 0 and self.is_known(line):
                    named = returns.get((key, line["line"]), [])
                    came_back = sum(
                        self.accepted.get((of, number), 0) for _, of, number, _ in named
                    )
                    said = f"sold {line['quantity']}, returned {came_back}"
                    said += ", voided" if key in self.voids else ""
                    yield "sale_line", key[0], 1, key[1], line["line"], line["is"], said

    # what a person has to look at

    def open_items(self) -> Iterator[tuple[object, ...]]:
        for event in self.altered:
            yield "open", "conflict", event.key[0], 1, event.key[1], 0, "-", 0
        for key, body in self.receipts.items():
            status = self.status(key, body)
            if status in ("conflict", "parked", "held_for_review"):
                yield "open", status, key[0], 1, key[1], 0, "-", 0
            for line in body["lines"]:
                if status == "partly_posted" and not self.is_known(line):
                    number, units = line["line"], line["quantity"]
                    yield "open", "unmapped", key[0], 1, key[1], number, LATE_SKU, units
        for returned in self.returns().values():
            for _, key, number, units in returned:
                accepted = self.accepted.get((key, number), 0)
                if key not in self.voids and accepted < units:
                    more = units - accepted
                    yield "open", "over_return", key[0], 1, key[1], number, "-", more
        yield from self.gaps()

    def gaps(self) -> Iterator[tuple[object, ...]]:
        """Each run of numbers that never came, from 1 to the last that did."""
        for till in TILLS:
            came = sorted(sequence for terminal, sequence in self.receipts if terminal == till)
            for before, after in zip([0, *came], came, strict=False):
                if after > before + 1:
                    yield "open", "gap", till, 1, before + 1, 0, "-", after - before - 1


def held(body: Body) -> bool:
    return any(abs(line["quantity"]) >= REVIEW_QUANTITY for line in body["lines"])
