"""Availability, as it is asked for and as it is told (contract §4)."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Level = Literal["in_stock", "few_left", "uncertain", "out_of_stock", "on_display"]
Limit = Annotated[int, Meta(ge=1, le=200)]
LocationCode = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,31}\Z", max_length=32)]
SkuText = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[^\x00/]+\Z")]
Channel = Literal["app", "web", "pos", "staff", "marketplace", "wholesale", "social", "community"]

PAIRS_MAX = 1_000


class AvailabilityQuery(msgspec.Struct, frozen=True):
    """Query of GET /v1/availability/{sku}: `near` is `latitude,longitude` in degrees."""

    near: Annotated[str, Meta(max_length=60)] | None = None
    radius_km: Annotated[float, Meta(gt=0, le=20_000)] = 50.0
    limit: Limit = 50
    channel: Channel | None = None
    include: Literal["all"] | None = None


class PickupTold(msgspec.Struct, frozen=True):
    """Whether one can collect here, and from when an order placed now would be ready (UTC)."""

    enabled: bool
    ready_from: datetime | None


class PlaceAvailability(msgspec.Struct, frozen=True):
    """What one place has of the item.

    `available` counts base units; `distance_km` is null without `near` or without coordinates.
    """

    location: str
    name: str
    kind: str
    distance_km: float | None
    level: Level
    available: int
    confidence: float
    updated_at: datetime
    open_now: bool
    pickup: PickupTold


class PlaceRow(msgspec.Struct, frozen=True, array_like=True):
    """What changes often of a place; the rest is kept under `location_version`."""

    location_id: int
    location_version: int
    distance: float | None
    level: Level
    available: int
    confidence: float
    changed_at: datetime


class AsOf(msgspec.Struct, frozen=True):
    """How much has happened to the item so far, and when the last of it."""

    sequence: int
    at: datetime | None


class Availability(msgspec.Struct, frozen=True):
    """What stands where of one item."""

    sku: str
    as_of: AsOf
    locations: list[PlaceAvailability]


class PairsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/availability/query: every item at every place, 1,000 pairs at most."""

    skus: Annotated[list[SkuText], Meta(min_length=1, max_length=PAIRS_MAX)]
    locations: Annotated[list[LocationCode], Meta(min_length=1, max_length=PAIRS_MAX)]


class PairTold(msgspec.Struct, frozen=True):
    """One item at one place."""

    sku: str
    location: str
    level: Level
    available: int


class PairsTold(msgspec.Struct, frozen=True):
    """The answer to a query of pairs."""

    items: list[PairTold]


class BrowseQuery(msgspec.Struct, frozen=True):
    """Query of GET /v1/locations/{location}/items."""

    in_stock: bool = False
    category: Annotated[str, Meta(max_length=100)] | None = None
    query: Annotated[str, Meta(max_length=100)] | None = None
    cursor: Annotated[str, Meta(max_length=400)] | None = None
    limit: Limit = 50


class BrowsedItem(msgspec.Struct, frozen=True):
    """One item of a place's stock; price in minor units per sales unit."""

    sku: str
    name: str
    category: str | None
    level: Level
    available: int
    price: int | None
    currency: str | None
    image_url: str | None


class BrowsedPage(msgspec.Struct, frozen=True):
    """A page of a place's stock."""

    items: list[BrowsedItem]
    next_cursor: str | None
