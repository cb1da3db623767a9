"""Nouns of the catalog: items, their codes and their packs (contract §2, §11 "Items").

What a type, a pattern or a bound can tell is refused while decoding (`msgspec.ValidationError`,
400); what only the whole body can tell is found by `rules.problems` (422).
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Sku = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[^\s/\u0000-\u001f\u007f-\u009f]"
        r"([^/\u0000-\u001f\u007f-\u009f]*[^\s/\u0000-\u001f\u007f-\u009f])?(?!\n)$",
    ),
]
"""1 to 64 characters without "/", control characters or blanks at the ends.

The finer rule, printable in all of Unicode, is `rules.sku_problem`.
"""

Name = Annotated[
    str, Meta(min_length=1, max_length=300, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")
]
"""1 to 300 characters, not only blanks, no NUL (PostgreSQL cannot store it)."""

Label = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")
]
ImageUrl = Annotated[
    str, Meta(max_length=2048, pattern=r"^https?://[^\s\u0000-\u001f\u007f]+(?!\n)$")
]

ScanText = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[^\u0000]*$")]
"""What a scan field takes: GTIN, GS1 Digital Link URI or element string (contract §1)."""

Gtin = Annotated[str, Meta(pattern=r"^[0-9]{14}$", max_length=14)]
"""A GTIN as it is kept: 14 digits, checked (`rules.normalise_gtin`)."""

Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", max_length=3)]
"""ISO 4217 letters."""

Unit = Literal["piece", "g", "ml", "mm"]
"""The base unit that quantities of an item are counted in."""


class Pack(Struct, frozen=True, forbid_unknown_fields=True):
    """A code on a multipack: one scan of it stands for `factor` sales units of the item."""

    gtin: ScanText
    factor: Annotated[int, Meta(ge=2, le=1_000_000)]


class PutItem(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `PUT /v1/items/{sku}`.

    `price` is in minor units of `currency`, per sales unit; the two go together. `scale` is the
    number of base units in one sales unit. `safety_stock`, in base units, overrides the
    location's for this item.
    """

    name: Name
    gtins: Annotated[tuple[ScanText, ...], Meta(max_length=200)] = ()
    category: Label | None = None
    brand: Label | None = None
    collection: Label | None = None
    image_urls: Annotated[tuple[ImageUrl, ...], Meta(max_length=50)] = ()
    price: Annotated[int, Meta(ge=0, le=1_000_000_000_000)] | None = None
    currency: Currency | None = None
    stock_tracked: bool = True
    packs: Annotated[tuple[Pack, ...], Meta(max_length=100)] = ()
    unit: Unit = "piece"
    scale: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    safety_stock: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None


class Item(PutItem, frozen=True, kw_only=True):
    """What `GET /v1/items/{sku}` gives: the body that was put, codes as 14 digits, and the SKU."""

    sku: Sku
