"""What tests of transfers at their functions share: two places, commands as a lane sends them."""

import json
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

START = datetime.now(UTC) + timedelta(minutes=1)
# how long to wait is an argument: an hour of the story is a second here, so that no test writes
# into another month than now
HOUR = timedelta(seconds=1)


class Road:
    """Two places, items, and commands as a lane would send them."""

    def __init__(self, owner: asyncpg.Connection, service: Any) -> None:
        self.owner, self.service = owner, service
        self.client_id = 0
        self.ode = self.aar = self.sku = ""

    async def make(self) -> "Road":
        self.client_id = await self.owner.fetchval(
            "insert into access.client (name, created_at) values ($1, now()) returning client_id",
            secrets.token_hex(8),
        )
        self.ode, self.aar = await self.service.place(), await self.service.place()
        self.sku = await self.goods(25)
        return self

    async def goods(self, quantity: int) -> str:
        """A new item, so many of it at ODE."""
        sku = await self.service.item()
        if quantity:
            await self.service.receive(self.ode, sku, quantity)
        return sku

    def head(self, **of: object) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "key": secrets.token_hex(8),
            "fingerprint": "f",
            "request_id": "r",
            "locations": None,
            **of,
        }

    async def call(
        self, name: str, *commands: dict[str, Any], at: datetime = START
    ) -> list[dict[str, Any]]:
        text = await self.owner.fetchval(
            f"select transfers.{name}(1, $1, $2)", json.dumps(commands, default=str), at
        )
        return json.loads(text)

    def asked(self, *lines: tuple[str, int], **of: object) -> dict[str, Any]:
        return self.head(
            transfer_id=str(uuid.uuid4()),
            from_location=self.ode,
            to_location=self.aar,
            lines=[{"sku": sku, "quantity": quantity} for sku, quantity in lines],
            eta=None,
            reference=None,
            override=None,
        ) | dict(of)

    async def request(self, *lines: tuple[str, int], at: datetime = START, **of: object) -> str:
        """A transfer that is asked for; gives its id."""
        command = self.asked(*(lines or ((self.sku, 10),)), **of)
        (outcome,) = await self.call("request_transfer", command, at=at)
        assert outcome["code"] == "requested", outcome
        return command["transfer_id"]

    async def change(
        self, verb: str, transfer: str, *lines: dict[str, Any], at: datetime = START, **of: object
    ) -> dict[str, Any]:
        """One dispatch, receive, close or cancel."""
        extra: dict[str, Any] = {
            "dispatch": {"lines": lines, "occurred_at": None},
            "receive": {"lines": lines, "occurred_at": None, "reason": None, "may_exceed": False},
            "close": {"side": None, "reason": None},
            "cancel": {},
        }[verb]
        command = self.head(transfer_id=transfer) | extra | dict(of)
        (outcome,) = await self.call(f"{verb}_transfer", command, at=at)
        return outcome

    async def sent(self, quantity: int = 10, at: datetime = START) -> str:
        """A transfer that is on its way."""
        transfer = await self.request((self.sku, quantity), at=at)
        assert (await self.change("dispatch", transfer, at=at))["code"] == "dispatched"
        return transfer

    def units(self, quantity: int, sku: str | None = None, **of: object) -> dict[str, Any]:
        return {"sku": sku or self.sku, "quantity": quantity, **of}

    async def sweep(self, what: str, seconds: int, at: datetime) -> int:
        """How many transfers of this test a sweep changed; those of others may be due too."""
        before = await self.told()
        command = {"what": what, "after_seconds": seconds, "most": 200}
        (outcome,) = await self.call("sweep_transfers", command, at=at)
        assert outcome["code"] == "swept"
        after = await self.told()
        return sum(after[transfer] != before[transfer] for transfer in after)

    async def told(self) -> dict[uuid.UUID, int]:
        """The version of each transfer of this test."""
        rows = await self.owner.fetch(
            "select transfer_id, version from transfers.transfer where client_id = $1",
            self.client_id,
        )
        return {row["transfer_id"]: row["version"] for row in rows}

    async def level(self, place: str) -> dict[str, Any]:
        row = await self.owner.fetchrow(
            "select s.* from stock.stock_level s join locations.location l using (location_id)"
            " join catalog.item i using (sku_id) where l.location = $1 and i.sku = $2",
            place,
            self.sku,
        )
        return dict(row) if row else {}

    async def account(self, name: str) -> int:
        """The balance of an account over both places, by the ledger."""
        return await self.owner.fetchval(
            "select coalesce(sum(case $1 when e.to_account then e.quantity"
            " when e.from_account then -e.quantity else 0 end), 0)::bigint"
            " from stock.ledger_entry e join catalog.item i using (sku_id) where i.sku = $2",
            name,
            self.sku,
        )

    async def events(self, transfer: str) -> list[str]:
        rows = await self.owner.fetch(
            "select type from events.event where subject = $1 order by sequence",
            f"transfer/{transfer}",
        )
        return [row["type"].removeprefix("transfer.") for row in rows]

    async def tasks(self, place: str) -> list[str]:
        rows = await self.owner.fetch(
            "select c.reason from stock.count_task c join locations.location l using (location_id)"
            " join catalog.item i using (sku_id) where l.location = $1 and i.sku = $2",
            place,
            self.sku,
        )
        return [row["reason"] for row in rows]

    async def order(self, quantity: int, **rides: str) -> str:
        """An order of AAR: a claim that waits there, or one that rides on a transfer's line."""
        order = str(uuid.uuid4())
        if rides:
            await self.owner.execute(
                "insert into transfers.rider (cell_id, transfer_id, sku_id, order_id, quantity)"
                " select 1, $1, sku_id, $2, $3 from catalog.item where sku = $4",
                rides["on"],
                order,
                quantity,
                self.sku,
            )
            return order
        async with self.owner.transaction():
            await self.owner.execute(
                "insert into stock.stock_level (cell_id, location_id, sku_id, changed_at)"
                " select 1, location_id, sku_id, now() from locations.location, catalog.item"
                " where location = $1 and sku = $2 on conflict do nothing",
                self.aar,
                self.sku,
            )
            await self.owner.execute(
                "insert into stock.claim (cell_id, location_id, sku_id, holder_id, holder_kind,"
                " line, quantity, open_quantity)"
                " select 1, location_id, sku_id, $1, 'order', 1, $2, $2"
                " from locations.location, catalog.item where location = $3 and sku = $4",
                order,
                quantity,
                self.aar,
                self.sku,
            )
            await self.owner.execute(
                "select events.write_events(1, now(), stock.post(1, now(), 'order.placed', null,"
                " (select array_agg((c.location_id, c.sku_id, c.holder_id, 'claim', $2::bigint,"
                " $2::bigint, null::timestamptz, $3::integer)::stock.claim_change)"
                " from stock.claim c where c.cell_id = 1 and c.holder_id = $1)))",
                order,
                quantity,
                self.client_id,
            )
        return order
