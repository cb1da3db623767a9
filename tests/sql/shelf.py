"""One item at one place, moved and counted by the functions that commands call."""

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from tests.conftest import CHECKS

DAY = datetime(2026, 11, 21, tzinfo=UTC)
World = Any  # the one of conftest
LEDGER_CHECKS = {
    path.stem: path.read_text()
    for path in CHECKS
    if path.stem in {"counts_hold", "true_ups_have_their_count", "levels_equal_the_ledger",
                     "shortfalls_equal_the_difference", "frozen_levels_wait_for_a_count"}
}  # fmt: skip


def at(text: str) -> datetime:
    """A wall time of the test's day, in UTC."""
    hour, minute = text.split(":")
    return DAY + timedelta(hours=int(hour), minutes=int(minute))


class Counted(NamedTuple):
    """What a count was told."""

    expected: int
    variance: int
    document: uuid.UUID


class Shelf:
    """One item at one place, moved by the functions that commands call."""

    def __init__(self, connection: asyncpg.Connection, place: int, item: int, client: int) -> None:
        self.connection = connection
        self.keys = (place, item)
        self.client = client

    async def lock(self, now: datetime) -> None:
        await self.connection.execute(
            "select stock.lock_levels(1, $3, array[$1::int], array[$2::int], array[true])",
            *self.keys, now,
        )  # fmt: skip

    async def move(
        self, kind: str, source: str, target: str, quantity: int, when: str | datetime,
        recorded: str | datetime | None = None, reason: str | None = None,
    ) -> uuid.UUID:  # fmt: skip
        """One movement that occurred at a time and was recorded then or later."""
        occurred = at(when) if isinstance(when, str) else when
        now = at(recorded) if isinstance(recorded, str) else recorded or occurred
        document = uuid.uuid4()
        await self.lock(now)
        await self.connection.execute(
            "select stock.post(1, $3, 'test', array[($1, $2, $4, $5, $6, $7, $8, $9, 'pos', $10,"
            " 'r', $11, null)::stock.goods_change], null)",
            *self.keys, now, source, target, quantity, kind, occurred, document, reason,
            self.client,
        )  # fmt: skip
        return document

    async def sale(self, quantity: int, when: str, recorded: str | None = None) -> uuid.UUID:
        return await self.move("sale", "sellable", "customer", quantity, when, recorded)

    async def opening(self, quantity: int) -> None:
        await self.move("opening", "opening", "sellable", quantity, DAY)

    async def count(
        self, counted: int, when: str | datetime, recorded: str | datetime | None = None
    ) -> Counted:
        """One counted line."""
        moment = at(when) if isinstance(when, str) else when
        now = at(recorded) if isinstance(recorded, str) else recorded or moment
        (told,) = await self.counts((counted, moment), now=now)
        return told

    async def counts(self, *lines: tuple[int, datetime], now: datetime) -> list[Counted]:
        """Several counted lines in one call."""
        await self.lock(now)
        documents = [uuid.uuid4() for _ in lines]
        row = await self.connection.fetchrow(
            "select c.v_expected, c.v_variance from stock.post_counts(1, (select array_agg("
            "($1, $2, u.counted, u.counted_at, u.document_id, false, 'shelf', $7)"
            "::stock.counted_line order by u.ordinality) from unnest($3::bigint[],"
            " $4::timestamptz[], $5::uuid[]) with ordinality u (counted, counted_at, document_id,"
            " ordinality)), $6) c",
            *self.keys, [line[0] for line in lines], [line[1] for line in lines], documents, now,
            self.client,
        )  # fmt: skip
        return [
            Counted(*told)
            for told in zip(row["v_expected"], row["v_variance"], documents, strict=True)
        ]

    async def accounts(self) -> tuple[int, int]:
        """(sellable by the level, shrink by the ledger)."""
        row = await self.connection.fetchrow(
            "select s.sellable, (select coalesce(sum(case e.to_account when 'shrink' then quantity"
            " else -quantity end), 0)::bigint from stock.ledger_entry e where e.location_id = $1"
            " and e.sku_id = $2 and 'shrink' in (e.from_account, e.to_account)) as shrink"
            " from stock.stock_level s where s.location_id = $1 and s.sku_id = $2",
            *self.keys,
        )
        return row["sellable"], row["shrink"]

    async def ledger(self) -> list[tuple[Any, ...]]:
        """(kind, change of sellable, occurred) of each entry, in order."""
        rows = await self.connection.fetch(
            "select kind, case 'sellable' when to_account then quantity when from_account then"
            " -quantity else 0 end as change, occurred_at, document_id, reason"
            " from stock.ledger_entry where location_id = $1 and sku_id = $2"
            " order by ledger_sequence",
            *self.keys,
        )
        return [tuple(row) for row in rows]

    async def tasks(self) -> list[str]:
        """The reasons of the open count tasks."""
        rows = await self.connection.fetch(
            "select reason from stock.count_task where location_id = $1 and sku_id = $2"
            " and done_at is null",
            *self.keys,
        )
        return [row["reason"] for row in rows]

    async def level(self) -> dict[str, Any]:
        row = await self.connection.fetchrow(
            "select * from stock.stock_level where location_id = $1 and sku_id = $2", *self.keys
        )
        return dict(row)

    async def sound(self) -> None:
        """The invariants of ledger and counts hold."""
        for name, text in LEDGER_CHECKS.items():
            assert await self.connection.fetch(text) == [], name


async def shelf_of(world: World) -> Shelf:
    """A shelf of a new item at the world's place."""
    sku = f"S{secrets.token_hex(5)}"
    await world.item(sku)
    row = await world.connection.fetchrow(
        "select location_id, sku_id from locations.location, catalog.item"
        " where location = $1 and sku = $2",
        world.location, sku,
    )  # fmt: skip
    return Shelf(world.connection, row["location_id"], row["sku_id"], world.client_id)
