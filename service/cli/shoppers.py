"""The customers of the demo: they reserve in the app while the tills sell."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from uuid import uuid4

from msgspec import Struct, json

from service.replay.reads import OK, PlayError, Wire, level_of
from service.replay.types import Item, Key, PlayedReceipt

TTL_SECONDS = 900
LINES_MAX = 200  # of a reservation
LEFT_ONE_IN = 8  # so many leave what they reserved until its time is over
BUYERS = 100
LAST_UNITS = 10
CONTESTED = "DEMO-LAST-UNITS"
CONFLICT, TOO_MANY = 409, 429


class _Held(Struct):
    id: str


class Shoppers:
    """Reserve what they will fetch before its till sells it; most give the rest free after it."""

    def __init__(self, wire: Wire, items: dict[str, Item], seed: int) -> None:
        """`wire` speaks as the app."""
        self._wire, self._items = wire, items
        self._run = uuid4().hex[:12]
        self._dice = random.Random(f"{seed}|shoppers")  # noqa: S311 - no secret
        self._holds: dict[Key, asyncio.Task[str | None]] = {}
        self._releases: set[asyncio.Task[None]] = set()
        self.held = self.released = 0
        self.refused: Counter[str] = Counter()

    def coming(self, receipt: PlayedReceipt) -> None:
        """A customer who will fetch this reserves it now."""
        self._holds[receipt.key] = asyncio.create_task(self._reserve(receipt))

    def served(self, receipt: PlayedReceipt) -> None:
        """The till has sold it: what was reserved is given free, or forgotten."""
        hold = self._holds.pop(receipt.key, None)
        if hold is not None and self._dice.randrange(LEFT_ONE_IN):
            self._releases.add(asyncio.create_task(self._release(hold)))

    async def finish(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._holds.values(), *self._releases)

    async def _reserve(self, receipt: PlayedReceipt) -> str | None:
        wanted: Counter[str] = Counter()
        for sku, line in zip(receipt.skus, receipt.receipt.lines, strict=True):
            if line.quantity > 0 and self._items[sku].stock_tracked:
                wanted[sku] += line.quantity
        lines = [{"sku": sku, "quantity": n} for sku, n in list(wanted.items())[:LINES_MAX]]
        if not lines:
            return None
        terminal, sequence = receipt.key
        key = f"demo-{self._run}-{terminal}-{sequence}"
        body = {"location": receipt.location, "lines": lines, "customer": receipt.receipt.customer}
        identifier, code = await hold(self._wire, body, key)
        if identifier is None:
            self.refused[code] += 1
        else:
            self.held += 1
        return identifier

    async def _release(self, hold: asyncio.Task[str | None]) -> None:
        identifier = await hold
        if identifier is not None:
            await release(self._wire, identifier)
            self.released += 1


class Contest(Struct, frozen=True):
    """How many units there were, how many of the buyers got one, and how many are left."""

    units: int
    buyers: int
    held: int
    left: int

    def oversold(self) -> int:
        """Units that were promised and are not there."""
        return max(0, self.held - self.units)


async def contest(office: Wire, app: Wire, location: str) -> Contest:
    """A hundred buyers want the last ten units at the same moment; gives what came of it."""
    item = json.encode({"name": "The last ten", "stock_tracked": True})
    await office.must("PUT", f"/v1/items/{CONTESTED}", item)
    movement = {
        "location": location,
        "sku": CONTESTED,
        "kind": "received",
        "quantity": LAST_UNITS,
        "reason": "for the demo's hundred buyers",
        "source_key": f"demo:{CONTESTED}",  # however often the demo runs, they came once
    }
    body = json.encode({"movements": [movement]})
    await office.must("POST", "/v1/stock/movements", body, key=f"demo-{uuid4()}")
    units = (await level_of(office, location, CONTESTED)).available
    one = [{"sku": CONTESTED, "quantity": 1}]
    asked = [
        hold(
            app,
            {"location": location, "lines": one, "customer": f"buyer-{number}"},
            f"demo-{uuid4()}",
        )
        for number in range(BUYERS)
    ]
    held = [identifier for identifier, _ in await asyncio.gather(*asked) if identifier]
    left = (await level_of(office, location, CONTESTED)).available
    await asyncio.gather(*(release(app, identifier) for identifier in held))
    return Contest(units, BUYERS, len(held), left)


async def hold(wire: Wire, body: Mapping[str, object], key: str) -> tuple[str | None, str]:
    """Ask for a reservation: its id, or None and the code of the refusal."""
    content = json.encode({**body, "ttl_seconds": TTL_SECONDS, "channel": "app"})
    answer = await wire.ask("POST", "/v1/reservations", content, key=key)
    if answer.status in OK:
        return answer.told(_Held).id, "held"
    if answer.status in (CONFLICT, TOO_MANY):
        return None, answer.refused().code
    raise PlayError(f"POST /v1/reservations: {answer.status} {answer.refused()}")


async def release(wire: Wire, identifier: str) -> None:
    """Give a reservation free; one whose time was over is free already."""
    path = f"/v1/reservations/{identifier}/release"
    answer = await wire.ask("POST", path, b"{}", key=f"release-{identifier}")
    if answer.status not in OK and answer.status != CONFLICT:
        raise PlayError(f"POST {path}: {answer.status} {answer.refused()}")
