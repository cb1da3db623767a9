"""The nouns of a replay: what a file recorded, and what tills would have sent.

Structs named `Till…` and `Movement` have exactly the fields of the HTTP contract (§3, §5):
`msgspec.json.encode` of one is an entry of the request body. The others are ours.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType, field

Stock: TypeAlias = dict[tuple[str, str], int]
"""Units per (location, sku)."""

Key: TypeAlias = tuple[str, int]
"""A receipt's natural key: (terminal, sequence)."""

Kind = Literal["sale", "return", "stock_adjustment", "finance_adjustment"]
Channel = Literal["pos_customer", "pos_anonymous", "click_and_collect", "web", "warehouse", "none"]


class RecordedLine(Struct, frozen=True, gc=False):
    """One line as the file says it: the quantity with the file's sign, the price per unit."""

    sku: str
    name: str
    quantity: int
    price: Decimal


class Derived(Struct, frozen=True):
    """What an invoice was and where; `location` is None for finance only."""

    kind: Kind
    channel: Channel
    location: str | None


class RecordedInvoice(Struct, frozen=True):
    """One invoice; `at` is its first line's moment, with the offset of the seller's zone."""

    number: str
    at: datetime
    customer: str | None
    country: str
    lines: tuple[RecordedLine, ...]


class BadCode(StrEnum):
    """Why a line of a file cannot be taken: the whole list."""

    CSV = "bad_csv"
    COLUMNS = "bad_columns"
    INVOICE = "no_invoice"
    SKU = "bad_sku"
    QUANTITY = "bad_quantity"
    ZERO = "zero_quantity"
    PRICE = "bad_price"
    NEGATIVE_PRICE = "negative_price"
    TIME = "bad_time"


class BadLine(Struct, frozen=True):
    """A line that was left out: its number in the file (the header is 1) and why."""

    line: int
    code: BadCode


class ReadReport(Struct):
    """Filled while a file is read: how many lines it had, and how many were bad, by code."""

    lines: int = 0
    bad: dict[BadCode, int] = field(default_factory=dict)
    examples: list[BadLine] = field(default_factory=list)


class SaleRef(Struct, frozen=True, gc=False):
    """The sale line that a returned line brings back."""

    terminal: str
    sequence: int
    line: int


class TillLine(Struct, frozen=True, gc=False, omit_defaults=True):
    """A receipt line: `gtin` for goods, `sku` for fees; returned lines are negative."""

    line: int
    quantity: int
    unit_price: int
    paid: int
    sku: str | UnsetType = UNSET
    gtin: str | UnsetType = UNSET
    sale: SaleRef | UnsetType = UNSET
    resaleable: bool = False


class TillReceipt(Struct, frozen=True, omit_defaults=True):
    """A receipt as `POST /v1/pos/receipts` takes it."""

    terminal: str
    sequence: int
    kind: Literal["sale", "return", "exchange"]
    occurred_at: datetime
    currency: str
    lines: tuple[TillLine, ...]
    customer: str | None = None


class Movement(Struct, frozen=True):
    """A goods movement as `POST /v1/stock/movements` takes it."""

    location: str
    sku: str
    kind: Literal["opening", "adjusted"]
    quantity: int
    occurred_at: datetime
    reason: str
    reference: str
    source_key: str


class PlayedReceipt(Struct, frozen=True):
    """A receipt to send, with what the player needs to know and the service must not be told.

    `skus` runs parallel to `receipt.lines`. `collect`: the customer would have reserved first.
    `review`: a line is so large that the service holds it for review (contract §11).
    """

    invoice: str
    location: str
    channel: Channel
    collect: bool
    review: bool
    skus: tuple[str, ...]
    receipt: TillReceipt

    @property
    def at(self) -> datetime:
        """The moment of the step."""
        return self.receipt.occurred_at

    @property
    def key(self) -> Key:
        """The natural key: (terminal, sequence)."""
        return self.receipt.terminal, self.receipt.sequence

    def sales(self) -> set[Key]:
        """The receipts that its returned lines bring goods back from."""
        refs = (line.sale for line in self.receipt.lines)
        return {(ref.terminal, ref.sequence) for ref in refs if not isinstance(ref, UnsetType)}


class PlayedCorrection(Struct, frozen=True):
    """A warehouse correction to send: movements of one invoice, all at one location."""

    invoice: str
    location: str
    movements: tuple[Movement, ...]

    @property
    def at(self) -> datetime:
        """The moment of the step."""
        return self.movements[0].occurred_at


Step: TypeAlias = PlayedReceipt | PlayedCorrection


class Item(Struct, frozen=True, omit_defaults=True):
    """The body of `PUT /v1/items/{sku}`; price in minor units."""

    name: str
    gtins: tuple[str, ...]
    price: int
    currency: str
    stock_tracked: bool


class Pickup(Struct, frozen=True):
    """A place's pickup settings; minutes are open minutes."""

    enabled: bool
    promise_open_minutes: int = 120
    pick_open_minutes: int = 60
    instructions: str | None = None


class Place(Struct, frozen=True):
    """The body of `PUT /v1/locations/{location}`."""

    name: str
    kind: Literal["store", "webshop"]
    country: str
    region: str
    time_zone: str
    latitude: float
    longitude: float
    opening_hours: dict[str, list[tuple[str, str]]]
    pickup: Pickup
    safety_stock: int = 0


class Plan(Struct, frozen=True):
    """Everything to load and play: `steps` in the order in which things happened.

    `opening` is the smallest stock that never goes negative when the steps are played in order;
    it is computed, as the file has neither an opening stock nor deliveries.
    """

    items: dict[str, Item]
    terminals: dict[str, str]
    opening: Stock
    steps: tuple[Step, ...]
    counts: dict[str, int]


class Options(Struct, frozen=True):
    """How to play. `speed`: recorded seconds per second, 0 as fast as it goes."""

    speed: float = 0.0
    keep_dates: bool = False
    seed: int = 1
    offline_share: float = 0.1


class Tally(Struct):
    """What happened. `receipts` and `lines` are what the service newly took."""

    receipts: int = 0
    lines: int = 0
    movements: int = 0
    seconds: float = 0.0
    lines_per_second: float = 0.0
    already_there: int = 0
    duplicates: int = 0
    released_from_review: int = 0
    offline_spells: int = 0
    offline_receipts: int = 0
    lost_replies: int = 0
    requests: int = 0
    retries: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)


class Loaded(Struct, frozen=True):
    """What loading the world did: entries that were new or changed, and those already there."""

    locations: "Imported"
    items: "Imported"
    opening: int
    opening_there: int


class BadEntry(Struct, frozen=True):
    """A line that an import rejected."""

    line: int
    code: str
    detail: str = ""


class Imported(Struct, frozen=True):
    """The reply of an import."""

    accepted: int
    unchanged: int
    rejected: int
    errors: list[BadEntry] = []


class Problem(Struct, frozen=True):
    """A problem of one line that the service told."""

    code: str = "unknown"


class TillResult(Struct, frozen=True):
    """What a player looks at in the result of a receipt; `first_status` is a duplicate's first."""

    status: str
    first_status: str | None = None
    code: str | None = None
    problems: list[Problem] = []


class TillResults(Struct, frozen=True):
    """The reply of `POST /v1/pos/receipts`."""

    results: list[TillResult]


class MoveResult(Struct, frozen=True):
    """What a player looks at in the result of a movement."""

    status: str
    code: str | None = None


class MoveResults(Struct, frozen=True):
    """The reply of `POST /v1/stock/movements`."""

    results: list[MoveResult]
