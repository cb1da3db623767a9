"""Making and changing items."""

from typing import Any, ClassVar, Literal

import msgspec

from service.catalog.rules import item_codes
from service.catalog.types import Item, Pack
from service.catalog.types import PutItem as Body
from service.db import Command, Db


class PutItemOutcome(msgspec.Struct, frozen=True):
    """What happened to the item; a taken barcode is named with the SKU that has it."""

    code: Literal[
        "created",
        "updated",
        "unchanged",
        "gtin_taken",
        "precondition_failed",
        "idempotency_key_reused",
    ]
    version: int = 0
    gtin: str | None = None
    sku: str | None = None
    replayed: bool = False


class Code(msgspec.Struct, frozen=True):
    """A barcode as it is kept: 14 digits, and the sales units that one scan stands for."""

    gtin: str
    factor: int


class PutItem(Command[PutItemOutcome], frozen=True, kw_only=True):
    """The whole of an item as it shall be."""

    function: ClassVar[str] = "catalog.put_item"
    outcome: ClassVar[type[Any]] = PutItemOutcome
    batch_max: ClassVar[int] = 256
    client_id: int
    key: str
    fingerprint: str
    request_id: str
    sku: str
    expected_version: int | None
    name: str
    codes: list[Code]
    category: str | None
    brand: str | None
    collection: str | None
    image_urls: tuple[str, ...]
    price: int | None
    currency: str | None
    stock_tracked: bool
    unit: str
    scale: int
    safety_stock: int | None


_COLUMNS = tuple(f for f in Body.__struct_fields__ if f not in ("gtins", "packs"))


async def put_item(
    db: Db, item: Item, expected_version: int | None, header: dict[str, Any]
) -> PutItemOutcome:
    """Make or change an item; `item` is normalised (`whole_item`), `header` says who asks."""
    codes = [Code(gtin, 1) for gtin in item.gtins] + [Code(p.gtin, p.factor) for p in item.packs]
    command = PutItem(
        sku=item.sku,
        expected_version=expected_version,
        codes=codes,
        **{name: getattr(item, name) for name in _COLUMNS},
        **header,
    )
    return await db.run(command)


def whole_item(sku: str, body: Body) -> Item:
    """The item that a body describes, its codes as 14 digits in their order, as GET gives it."""
    codes = sorted(item_codes(body))
    return Item(
        sku=sku,
        gtins=tuple(gtin for gtin, factor in codes if factor == 1),
        packs=tuple(Pack(gtin, factor) for gtin, factor in codes if factor > 1),
        **{name: getattr(body, name) for name in _COLUMNS},
    )
