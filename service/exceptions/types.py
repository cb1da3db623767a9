"""What a person has to look at, and the word on it (contract §5, §11 Tills)."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from service.pos.types import RawSku, Text

ExceptionKind = Literal[
    "unmapped",
    "conflict",
    "parked",
    "held_for_review",
    "gap",
    "over_return",
    "unknown_terminal",
    "fractional_quantity",
    "match",
]


class PosException(msgspec.Struct, frozen=True):
    """What a person has to look at, with all that the till said (`body`).

    A gap's `sequence` is the first number that is missing, its `quantity` how many are. `code` and
    `sku` are what nobody knows, as it is looked up. A handover has no till: `terminal` is empty.
    """

    id: str
    kind: ExceptionKind
    state: Literal["open", "resolved"]
    terminal: str
    epoch: int | None
    sequence: int
    location: str | None
    receipt: str | None
    line: int | None
    gtin: str | None
    quantity: int | None
    code: str | None
    sku: str | None
    body: dict[str, Any]
    resolution: dict[str, Any] | None
    recorded_at: datetime
    resolved_at: datetime | None


class ExceptionPage(msgspec.Struct, frozen=True):
    """A page of exceptions."""

    items: list[PosException]
    next_cursor: str | None


class Resolve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/pos/exceptions/{id}/resolve; `map` names the item (`sku`)."""

    action: Literal["map", "accept", "reject"]
    sku: RawSku | None = None
    reason: Text | None = None


class Resolved(msgspec.Struct, frozen=True):
    """What became of an exception, and of the receipt it was about, if it was about one."""

    id: str
    state: Literal["resolved"]
    action: Literal["map", "accept", "reject"]
    receipt: str | None
    status: str | None
