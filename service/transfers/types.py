"""Transfers, as they are asked for and as they are told."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.locations.types import LocationCode
from service.stock.types import Moment, Reason, Text

State = Literal[
    "requested", "dispatched", "partly_received", "received", "disputed", "closed", "cancelled"
]
Side = Literal["sender", "receiver"]
Direction = Literal["in", "out"]
SkuText = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[^\x00/]+\Z")]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000_000)]
OrderId = Annotated[
    str, Meta(pattern=r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", max_length=36)
]

LINES_MAX = 1_000


class AskedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units of one item, in base units."""

    sku: SkuText
    quantity: Quantity


Lines = Annotated[list[AskedLine], Meta(min_length=1)]


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A manager's word that the goods are to go, whatever the book says can be promised."""

    reason: Reason


class PostTransfer(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
):
    """Body of POST /v1/transfers. `override` needs the scope stock:write."""

    from_: LocationCode
    to: LocationCode
    lines: Lines
    eta: Moment | None = None
    reference: Text | None = None
    override: Override | None = None


class Dispatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/transfers/{id}/dispatch: without lines, all that is still claimed."""

    lines: Lines | None = None
    occurred_at: Moment | None = None


class ArrivedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that arrived in one condition: good, damaged, or waited for by an order.

    Several lines may name the same item.
    """

    sku: SkuText
    quantity: Quantity
    damaged: bool = False
    for_order: OrderId | None = None


class Receive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/transfers/{id}/receive.

    More than was sent needs a `reason` and the scope stock:write.
    """

    lines: Annotated[list[ArrivedLine], Meta(min_length=1)]
    occurred_at: Moment | None = None
    reason: Reason | None = None


class Close(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/transfers/{id}/close: for which side it is said.

    Without `side`: for each end that the token covers.
    """

    side: Side | None = None
    reason: Reason | None = None


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body without details: `{}`."""


class Line(msgspec.Struct, frozen=True):
    """One item of a transfer, in units.

    `open` is claimed at the sender and not sent; `in_transit` is sent and neither come nor lost;
    `found` of the `lost` came after all; `extra` came beyond what was sent; `damaged` of all that
    came.
    """

    line: int
    sku: str
    requested: int
    open: int
    dispatched: int
    in_transit: int
    received: int
    damaged: int
    lost: int
    found: int
    extra: int


class Transfer(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A transfer as it is told. `override`: the manager's reason, if one was needed."""

    id: str
    from_: str
    to: str
    state: State
    reference: str | None
    eta: datetime | None
    override: str | None
    requested_at: datetime
    changed_at: datetime
    overdue_at: datetime | None
    closed_at: datetime | None
    confirmed_by: list[Side]
    lines: list[Line]


class TransferPage(msgspec.Struct, frozen=True):
    """A page of transfers, newest first."""

    items: list[Transfer]
    next_cursor: str | None
