"""Looking items up."""

import msgspec

from service.catalog.rules import ScanRefused, scan_gtin, search_words
from service.catalog.types import Item
from service.db import Db


class _Stored(msgspec.Struct, frozen=True):
    """A row of a query that gives whole items."""

    body: str
    version: int = 0
    sku: str = ""


_decode = msgspec.json.Decoder(Item).decode


async def item_by_sku(db: Db, sku: str) -> tuple[Item, int] | None:
    """An item and its version."""
    found = await db.one(_Stored, "catalog.item_by_sku", sku)
    return None if found is None else (_decode(found.body), found.version)


async def items_after(
    db: Db, sku: str, limit: int, *, category: str | None = None, query: str | None = None
) -> list[Item]:
    """Items by SKU, from after the one given; of a category; that a search finds."""
    if query is not None:
        arguments = (sku, limit, category, search_words(query), query.strip(), _gtin(query))
        rows = await db.many(_Stored, "catalog.items_found_after", *arguments)
    elif category is not None:
        rows = await db.many(_Stored, "catalog.items_of_category_after", sku, limit, category)
    else:
        rows = await db.many(_Stored, "catalog.items_after", sku, limit)
    return [_decode(row.body) for row in rows]


def _gtin(text: str) -> str | None:
    try:
        return scan_gtin(text.strip())
    except ScanRefused:
        return None
