"""Reservations, as they are asked for and as they are told."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Channel = Literal["app", "web", "pos", "staff", "marketplace", "wholesale", "social", "community"]
State = Literal["held", "converted", "released", "expired"]
LocationCode = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,31}\Z", max_length=32)]
SkuText = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[^\x00/]+\Z")]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Ttl = Annotated[int, Meta(ge=1, le=86_400)]
Customer = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\A[^\x00]+\Z")]

LINES_MAX = 200


class AskedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units of one item, in base units."""

    sku: SkuText
    quantity: Quantity


Lines = Annotated[list[AskedLine], Meta(min_length=1, max_length=LINES_MAX)]


class AskedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be held at one of several places."""

    location: LocationCode
    lines: Lines


class PlaceReservation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/reservations: `location` and `lines`, or `parts` over several places."""

    location: LocationCode | UnsetType = UNSET
    lines: Lines | UnsetType = UNSET
    parts: Annotated[list[AskedPart], Meta(min_length=1, max_length=20)] | UnsetType = UNSET
    ttl_seconds: Ttl | None = None
    channel: Channel | None = None
    customer: Customer | None = None


class NewLines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PUT /v1/reservations/{id}/lines: the whole new set, for a hold at one place."""

    lines: Lines


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body without details: `{}`."""


class Line(msgspec.Struct, frozen=True):
    """Units held of one item."""

    sku: str
    quantity: int


class Part(msgspec.Struct, frozen=True):
    """What is held at one place."""

    location: str
    lines: list[Line]


class Reservation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reservation as it is told. `parts` only where it spans several places."""

    id: str
    state: State
    location: str | None
    lines: list[Line]
    expires_at: datetime
    channel: str | None = None
    customer: str | None = None
    extended: bool = False
    parts: list[Part] | UnsetType = UNSET


class HeldLine(msgspec.Struct, frozen=True):
    """One claim of a reservation: where, what and how many; `line` orders them."""

    location: str
    sku: str
    quantity: int
    line: int


class Alternative(msgspec.Struct, frozen=True):
    """A nearby place that can serve all lines."""

    location: str
    name: str
    distance_km: float | None
    lines: list["AlternativeLine"]


class AlternativeLine(msgspec.Struct, frozen=True):
    """How many units of a line that place can promise."""

    sku: str
    available: int
