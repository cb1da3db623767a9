"""What tests of SQL functions on stock share: a small world in a transaction that rolls back."""

import json
import secrets
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest_asyncio

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


class World:
    """One place, one item and a client, made by SQL; the test's transaction is rolled back."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.location = f"l{secrets.token_hex(4)}"
        self.sku = f"K{secrets.token_hex(4)}"
        self.client_id = 0

    async def make(self) -> "World":
        await self.connection.execute(
            "insert into events.cell_state (cell_id) values (1) on conflict do nothing"
        )
        self.client_id = await self.connection.fetchval(
            "insert into access.client (name, created_at) values ($1, $2) returning client_id",
            self.location,
            NOW,
        )
        await self.place(self.location)
        await self.item(self.sku)
        return self

    async def place(self, code: str) -> None:
        await self.connection.execute(
            "insert into locations.location (location, name, kind, time_zone, opening_hours,"
            " closures, pickup, safety_stock, changed_at)"
            " values ($1, $1, 'store', 'Europe/Copenhagen', '{}', '[]', $3, 0, $2)",
            code,
            NOW,
            '{"enabled": false}',
        )

    async def item(self, sku: str, *, stock_tracked: bool = True) -> None:
        await self.connection.execute(
            "insert into catalog.item (sku, name, stock_tracked, changed_at)"
            " values ($1, $1, $2, $3)",
            sku,
            stock_tracked,
            NOW,
        )

    def entry(self, source: str, target: str, quantity: int, **of: object) -> dict[str, Any]:
        return {
            "movement": str(uuid.uuid4()),
            "location": self.location,
            "sku": self.sku,
            "kind": "adjusted",
            "from_account": source,
            "to_account": target,
            "quantity": quantity,
            **of,
        }

    def command(self, *entries: dict[str, Any], **of: object) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "key": secrets.token_hex(8),
            "fingerprint": "f",
            "request_id": "r",
            "future_minutes": 10,
            "movements": list(entries),
            **of,
        }

    async def record(self, *commands: dict[str, Any], at: datetime = NOW) -> list[dict[str, Any]]:
        text = await self.connection.fetchval(
            "select stock.record_movements(1, $1::jsonb, $2)", json.dumps(commands), at
        )
        return json.loads(text)  # type: ignore[no-any-return]

    async def results(self, *entries: dict[str, Any]) -> list[dict[str, Any]]:
        """The results of one command."""
        (outcome,) = await self.record(self.command(*entries))
        assert outcome["code"] == "recorded"
        return outcome["results"]  # type: ignore[no-any-return]

    async def run(
        self, function: str, *commands: dict[str, Any], at: datetime = NOW
    ) -> list[dict[str, Any]]:
        """The outcomes of one call of a command function."""
        text = await self.connection.fetchval(
            f"select {function}(1, $1::jsonb, $2)", json.dumps(commands), at
        )
        return json.loads(text)  # type: ignore[no-any-return]

    async def events(self) -> list[dict[str, Any]]:
        """The content of each stock.changed of the level, in order."""
        rows = await self.connection.fetch(
            "select data from events.event where subject = $1 order by sequence",
            f"stock/{self.location}/{self.sku}",
        )
        return [json.loads(row["data"]) for row in rows]

    async def ledger(self) -> list[tuple[str, str, int, str]]:
        """(from, to, quantity, kind) of each movement, in order."""
        rows = await self.connection.fetch(
            "select from_account, to_account, quantity, kind from stock.ledger_entry e"
            " join catalog.item i using (sku_id) where i.sku = $1 order by ledger_sequence",
            self.sku,
        )
        return [tuple(row) for row in rows]

    async def level(self) -> dict[str, Any]:
        row = await self.connection.fetchrow(
            "select s.* from stock.stock_level s join locations.location l using (location_id)"
            " join catalog.item i using (sku_id) where l.location = $1 and i.sku = $2",
            self.location,
            self.sku,
        )
        return dict(row) if row else {}


@pytest_asyncio.fixture
async def world(owner: asyncpg.Connection) -> AsyncIterator[World]:
    transaction = owner.transaction()
    await transaction.start()
    yield await World(owner).make()
    await transaction.rollback()
