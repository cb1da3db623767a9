"""A second computation of the final stock, straight from a file of recorded sales.

    python tests/data/independent_stock.py FILE [--json | --places]

Shares no code with the service, on purpose: it judges the demo. Plain rows and dicts, one sum:

    units = opening + corrections - sales + returns        (sellable and quarantine together)

--json prints {sku: units}, --places {place: {sku: units}}, neither: a few totals. Places are the
location codes of the demo (s01 … s12, web). Only goods count (codes that start with five digits).
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

Row = dict[str, Any]
Key = tuple[str, str]
SHOPS = 12


def rows_of(path: str | Path) -> Iterator[Row]:
    """The file's lines as dicts, without those that say 0 or whose numbers cannot be read."""
    data = Path(path).read_bytes()
    if data[:4] == b"\x28\xb5\x2f\xfd":
        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    elif data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    row: Row
    for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        try:
            row["units"], row["pounds"] = int(row["Quantity"]), float(row["UnitPrice"])
        except ValueError:
            continue
        row["sku"] = row["StockCode"].strip().upper()
        if row["units"] and (row["pounds"] >= 0 or row["InvoiceNo"][0] == "A"):
            yield row


def number(text: str, modulus: int) -> int:
    """The fixed dice of the shop rule."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % modulus


def place_of(invoice: str, rows: list[Row]) -> tuple[str, str]:
    """(what it is, where it happened) for all rows of one invoice."""
    first = rows[0]
    customer = first["CustomerID"]
    if invoice[0] == "A":
        return "finance", ""
    shop = number("OR1|" + (customer or invoice.lstrip("C")), SHOPS) + 1
    if invoice[0] != "C" and not customer and not sum(row["pounds"] for row in rows):
        return "correction", f"s{shop:02}"
    what = "return" if invoice[0] == "C" else "sale"
    if first["Country"] != "United Kingdom" or {"DOT", "POST", "C2"} & {r["sku"] for r in rows}:
        return what, "web"
    if what == "return" and customer and number("XS|" + invoice, 5) == 0:
        shop += 1 + number("XT|" + invoice, SHOPS - 1)
        shop -= SHOPS if shop > SHOPS else 0
    return what, f"s{shop:02}"


def changes(path: str | Path) -> Iterator[tuple[str, str, int, bool]]:
    """(place, sku, units in or out, whether they can be sold again), in the order of the file.

    Units that come back can be sold again only if they are known to come from one sale line of the
    same customer, the newest with enough units left.
    """
    invoices: dict[str, list[Row]] = {}
    for row in rows_of(path):
        invoices.setdefault(row["InvoiceNo"], []).append(row)
    bought: dict[Key, list[int]] = {}
    for invoice, rows in invoices.items():
        what, place = place_of(invoice, rows)
        for row in rows if place else ():
            if not re.match("[0-9]{5}", row["sku"]):
                continue
            units = row["units"]
            lots = bought.setdefault((row["CustomerID"], row["sku"]), [])
            sellable = True
            if what != "correction" and units > 0:
                lots.insert(0, units)  # newest first
            elif what != "correction":
                fits = [i for i, left in enumerate(lots) if left >= -units]
                sellable = bool(row["CustomerID"] and fits)
                if sellable:
                    lots[fits[0]] += units
            yield place, row["sku"], units if what == "correction" else -units, sellable


def final_stock(path: str | Path) -> tuple[Counter[Key], Counter[Key]]:
    """Counters of units per (place, sku): the opening stock, and what is there in the end.

    The opening is found by walking with empty shelves and lending what is missing, each time.
    """
    shelf: Counter[Key] = Counter()
    lent: Counter[Key] = Counter()
    final: Counter[Key] = Counter()
    for place, sku, units, sellable in changes(path):
        final[place, sku] += units
        if sellable:
            shelf[place, sku] += units
        if shelf[place, sku] < 0:
            lent[place, sku] -= shelf[place, sku]
            shelf[place, sku] = 0
    for key, units in lent.items():
        final[key] += units
    return lent, final


def per_sku(stock: Counter[Key]) -> Counter[str]:
    """Units per SKU over all places."""
    units: Counter[str] = Counter()
    for (_, sku), here in stock.items():
        units[sku] += here
    return units


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--json", action="store_true", help="{sku: units}")
    parser.add_argument("--places", action="store_true", help="{place: {sku: units}}")
    asked = parser.parse_args()
    opening, final = final_stock(asked.file)
    result: dict[str, Any] = {
        "opening": opening.total(),
        "final": final.total(),
        "skus": len(per_sku(final)),
    }
    if asked.json:
        result = per_sku(final)
    elif asked.places:
        result = {}
        for (place, sku), units in sorted(final.items()):
            result.setdefault(place, {})[sku] = units
    sys.stdout.write(json.dumps(result, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
