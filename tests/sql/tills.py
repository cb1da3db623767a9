"""A till as SQL sees it, at a place that is always open unless a test says otherwise.

Time is the argument of the functions: 10:00 of a Saturday is where a test begins.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from service.pos.commands import PostReceipt
from service.pos.rules import asked
from service.pos.types import Receipt
from service.web.route import new_id

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)  # 10:00 in Copenhagen
TODAY = date(2026, 11, 21)
WEEK = {day: [["10:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
CHECK = Path(__file__).parents[2] / "sql" / "checks" / "missing_numbers_are_open_gaps.sql"
World = Any  # the one of conftest


def later(**of: float) -> datetime:
    return NOW + timedelta(**of)


class Till:
    """A till as SQL sees it, at a place that is always open unless a test says otherwise."""

    def __init__(self, world: World, number: int = 1) -> None:
        self.world = world
        self.terminal = f"{world.location}-{number}"

    async def put(self, at: datetime = NOW, **of: Any) -> str:
        command = {
            "client_id": self.world.client_id,
            "key": " ",
            "fingerprint": f"{of}",
            "request_id": "r",
            "terminal": self.terminal,
            "epoch": None,
            "location": self.world.location,
            "name": None,
            "first_sequence": None,
            "in_service": None,
            **of,
        }
        command["key"] = f" {new_id(1)}"
        (outcome,) = await self.world.run("terminals.put_terminal", command, at=at)
        return outcome["code"]  # type: ignore[no-any-return]

    def receipt(self, sequence: int, quantity: int = 0, **of: Any) -> dict[str, Any]:
        line = {"line": 1, "sku": of.pop("sku", self.world.sku), "quantity": quantity}
        body = {
            "terminal": self.terminal,
            "sequence": sequence,
            "kind": "sale" if quantity else "no_sale",
            "occurred_at": NOW - timedelta(minutes=1),
            "lines": [line] if quantity else [],
            **of,
        }
        facts = asked(msgspec.convert(body, Receipt))
        command = PostReceipt(
            receipt_id=new_id(1),
            client_id=self.world.client_id,
            fingerprint=facts.fingerprint,
            terminals=facts.terminals,
            locations=None,
            backfill=False,
            review_quantity=10_000,
            review_ahead_seconds=600,
            review_age_seconds=604_800,
            lines=1,
            codes=facts.codes,
            body=msgspec.Raw(facts.body),
        )
        return msgspec.json.decode(msgspec.json.encode(command))  # type: ignore[no-any-return]

    async def post(self, *receipts: dict[str, Any], at: datetime = NOW) -> list[str]:
        outcomes = await self.world.run("pos.post_receipts", *receipts, at=at)
        return [outcome["code"] for outcome in outcomes]

    async def send(self, *sequences: int, at: datetime = NOW, **of: Any) -> list[str]:
        return await self.post(*(self.receipt(number, **of) for number in sequences), at=at)

    async def beat(
        self, last: int, at: datetime = NOW, *, sent: datetime | None = None, **of: Any
    ) -> dict[str, Any]:
        command = {
            "terminal": self.terminal,
            "sent_at": (sent or at).isoformat(),
            "last_sequence": last,
            "locations": None,
            **of,
        }
        (outcome,) = await self.world.run("terminals.record_heartbeats", command, at=at)
        return outcome  # type: ignore[no-any-return]

    async def close(
        self, receipts: int, last: int, at: datetime = NOW, day: date = TODAY
    ) -> dict[str, Any]:
        command = {
            "client_id": self.world.client_id,
            "terminal": self.terminal,
            "business_date": day.isoformat(),
            "receipts": receipts,
            "last_sequence": last,
            "locations": None,
        }
        (outcome,) = await self.world.run("terminals.record_closings", command, at=at)
        return outcome  # type: ignore[no-any-return]

    async def body(self, at: datetime = NOW) -> dict[str, Any]:
        """As the API tells it."""
        text = await self.world.connection.fetchval(
            "select terminals.terminal_body(t, $2) from pos.terminal t where t.terminal = $1"
            " order by t.epoch desc limit 1",
            self.terminal,
            at,
        )
        return json.loads(text)  # type: ignore[no-any-return]

    async def gaps(self) -> list[tuple[int, int, int]]:
        """(epoch, first, last) of each open gap."""
        rows = await self.world.connection.fetch(
            "select epoch, sequence, sequence + quantity - 1 as last, body from pos.exception"
            " where kind = 'gap' and state = 'open' and terminal = $1 order by 1, 2",
            self.terminal,
        )
        for row in rows:
            assert json.loads(row["body"]) == {"first": row["sequence"], "last": row["last"]}
        return [(row["epoch"], row["sequence"], row["last"]) for row in rows]

    async def events(self) -> list[str]:
        """Types of what was told of it, in order; numbered without gaps."""
        rows = await self.world.connection.fetch(
            "select type, subject_sequence from events.event where subject = $1 order by sequence",
            f"terminal/{self.terminal}",
        )
        assert [row["subject_sequence"] for row in rows] == list(range(1, len(rows) + 1))
        return [row["type"].removeprefix("terminal.") for row in rows]


async def watch(world: World, at: datetime) -> None:
    """What the job does."""
    after: str | None = ""
    while after is not None:
        (outcome,) = await world.run(
            "terminals.watch_terminals", {"after_code": after, "most": 2}, at=at
        )
        after = outcome["last"]


async def sync(world: World) -> dict[str, Any]:
    row = await world.connection.fetchrow(
        "select s.* from stock.place_sync s join locations.location l using (location_id)"
        " where l.location = $1",
        world.location,
    )
    return {"stale_since": None, "doubtful": False} if row is None else dict(row)


async def assert_no_number_is_lost(world: World) -> None:
    """I13 holds."""
    assert await world.connection.fetch(CHECK.read_text()) == []
