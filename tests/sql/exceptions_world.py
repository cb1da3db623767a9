"""A shop with two tills, as the tests of exceptions and matching see it at the functions."""

import json
import secrets
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from service.pos.rules import code_of, codes_of
from service.web.route import new_id
from tests.conftest import CHECKS
from tests.sql.pos_post_receipts_test import NOW, Counter

# what these functions must keep; the others speak of what a test's world leaves out
KEPT = {
    "handovers_are_counted_once", "mapped_lines_are_posted", "unknown_lines_wait",
    "over_returns_are_seen", "never_more_returned_than_sold", "voided_receipts_are_taken_back",
    "reversals_match", "sold_units_left_the_book", "only_posted_receipts_move_goods",
    "levels_equal_the_ledger", "receipts_are_told", "waiting_receipts_are_seen",
    "reserved_equals_open_claims", "frozen_levels_wait_for_a_count", "ledger_numbers_are_unique",
}  # fmt: skip
World = Any  # the one of conftest


class Shop(Counter):
    """A till with its shop's stock, exceptions and handovers."""

    def __init__(self, world: World, terminal: str | None = None) -> None:
        super().__init__(world)
        self.terminal = terminal or self.terminal

    async def beside(self) -> "Shop":
        """Another till of the same shop."""
        other = Shop(self.world, f"{self.terminal}x")
        await other.make()
        return other

    async def value(self, query: str, *args: object) -> Any:
        return await self.world.connection.fetchval(query, *args)

    async def ids(self, sku: str | None = None) -> tuple[int, int]:
        """The numbers of the shop and of an item."""
        place = await self.value(
            "select location_id from locations.location where location = $1", self.world.location
        )
        item = await self.value(
            "select sku_id from catalog.item where sku = $1", sku or self.world.sku
        )
        return place, item

    async def book(self, *accounts: str) -> tuple[int, ...]:
        """What the level says: sellable and quarantine, or what is asked for."""
        level = await self.world.level()
        return tuple(level.get(name, 0) for name in accounts or ("sellable", "quarantine"))

    async def stock(self, quantity: int, at: datetime = NOW - timedelta(days=7)) -> None:
        """Goods that are there."""
        entry = self.world.entry("supplier", "sellable", quantity, occurred_at=at.isoformat())
        (result,) = await self.world.results(entry)
        assert result["status"] == "posted", result

    async def count(self, counted: int, at: datetime) -> None:
        """What was on the shelf, posted as it was counted."""
        place, item = await self.ids()
        await self.world.connection.execute(
            "select stock.lock_levels(1, $3, array[$1::int], array[$2::int], array[true])",
            place, item, at,
        )  # fmt: skip
        await self.world.connection.execute(
            "select events.write_events(1, $3, c.v_events) from stock.post_counts(1,"
            " array[($1::int, $2::int, $4::bigint, $3, $5::uuid, false, 'counted', $6::int)"
            "::stock.counted_line], $3) c",
            place, item, at, counted, str(uuid.uuid4()), self.world.client_id,
        )  # fmt: skip

    async def account(self, name: str) -> int:
        """What the ledger says of an account without a level, such as shrink."""
        found: int = await self.value(
            "select coalesce(sum(case when to_account = $2 then quantity"
            " when from_account = $2 then -quantity else 0 end), 0)::int from stock.ledger_entry e"
            " join catalog.item i using (sku_id) where i.sku = $1",
            self.world.sku, name,
        )  # fmt: skip
        return found

    async def say(self, *commands: dict[str, Any], at: datetime = NOW) -> list[str]:
        """The codes of receipts that come at a time."""
        outcomes = await self.world.run("pos.post_receipts", *commands, at=at)
        return [outcome["code"] for outcome in outcomes]

    async def open(self, kind: str) -> list[dict[str, Any]]:
        """The open exceptions of a kind at the shop."""
        rows = await self.world.connection.fetch(
            "select x.* from pos.exception x join locations.location l using (location_id)"
            " where l.location = $1 and x.kind = $2 and x.state = 'open'"
            " order by x.terminal, x.sequence, x.line, x.exception_id",
            self.world.location, kind,
        )  # fmt: skip
        return [{**dict(row), "body": json.loads(row["body"])} for row in rows]

    async def settle(
        self, found: dict[str, Any], action: str, sku: str | None = None, at: datetime = NOW
    ) -> dict[str, Any]:
        """A person's word on an exception, as the route asks."""
        command = {
            "client_id": self.world.client_id, "key": secrets.token_hex(8), "fingerprint": "f",
            "request_id": "r", "exception_id": str(found["exception_id"]), "action": action,
            "sku": sku, "gtin": None if found["gtin"] is None else code_of(found["gtin"]),
            "reason": None, "locations": None, "codes": codes_of(found["body"]),
        }  # fmt: skip
        (outcome,) = await self.world.run("exceptions.resolve_exception", command, at=at)
        return outcome  # type: ignore[no-any-return]

    async def replay(self, at: datetime = NOW) -> int:
        """The sweep; gives the number of lines."""
        (outcome,) = await self.world.run(
            "exceptions.replay_mapped", {"after": None, "most": 500}, at=at
        )
        return outcome["lines"]  # type: ignore[no-any-return]

    async def know(self, gtin: str, factor: int = 1, sku: str | None = None) -> None:
        """A barcode becomes the item's."""
        await self.world.connection.execute(
            "insert into catalog.barcode (gtin, sku_id, factor)"
            " select lpad($1, 14, '0'), sku_id, $3 from catalog.item where sku = $2",
            gtin, sku or self.world.sku, factor,
        )  # fmt: skip

    async def hand_over(self, quantity: int, handed: datetime, at: datetime | None = None) -> str:
        """Goods that staff handed over, as issue 4 will tell of them; gives the handover's id."""
        handover = new_id(1)
        place, item = await self.ids()
        await self.world.connection.execute(
            "select stock.lock_levels(1, $3, array[$1::int], array[$2::int], array[true])",
            place, item, handed,
        )  # fmt: skip
        await self.world.connection.execute(
            "select events.write_events(1, $7, matching.expect_receipt(1, ("
            "1, $1::uuid, $2::int, $3::int, $4::bigint, $5::uuid, $5::uuid, $6::timestamptz,"
            " 'waiting', null, null, $6::timestamptz, false)::pos.handover, $7))",
            handover, place, item, quantity, str(uuid.uuid4()), handed, at or handed,
        )  # fmt: skip
        return handover

    async def handovers(self) -> list[str]:
        """How the shop's handovers stand, in the order of their times."""
        rows = await self.world.connection.fetch(
            "select h.state from pos.handover h join locations.location l using (location_id)"
            " where l.location = $1 order by h.handed_over_at, h.handover_id",
            self.world.location,
        )
        return [row["state"] for row in rows]

    async def sound(self) -> None:
        """The invariants hold within the test's transaction."""
        for path in CHECKS:
            if path.stem in KEPT:
                rows = await self.world.connection.fetch(path.read_text())
                assert not rows, f"{path.stem}: {[dict(row) for row in rows[:3]]}"

    async def aside(self, do: Callable[[], Awaitable[Any]]) -> Any:
        """What happens, undone afterwards."""
        transaction = self.world.connection.transaction()
        await transaction.start()
        try:
            return await do()
        finally:
            await transaction.rollback()


def minutes(number: float) -> datetime:
    """A moment so long after (or before) the tests' now."""
    return NOW + timedelta(minutes=number)


def fresh_gtin() -> str:
    """A GTIN-13 that nobody has."""
    digits = "57" + "".join(secrets.choice("0123456789") for _ in range(10))
    weighed = sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(digits))
    return digits + str(-weighed % 10)


__all__ = ["NOW", "UTC", "Shop", "fresh_gtin", "minutes"]
