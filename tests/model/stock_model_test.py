"""A second, simpler model judges the real service: random commands, races, retries and time (T3).

The model is a handful of numbers in plain dicts. Time is the test's: it is handed to the SQL
functions, so holds expire without anybody waiting.
"""

import asyncio
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from service.access.commands import create_key
from service.app import build_app
from service.db import Db
from service.reservations.commands import expire
from service.settings import Settings

CASES = int(os.environ.get("HYLDE_MODEL_CASES", "25"))
STEPS = int(os.environ.get("HYLDE_MODEL_STEPS", "40"))
few = st.integers(1, 4)
CHECKS = sorted((Path(__file__).parents[2] / "sql" / "checks").glob("*.sql"))


class Hold:
    """What the model knows of a reservation."""

    def __init__(self, number: str, quantity: int, ends: datetime, ttl: int) -> None:
        self.id, self.quantity, self.ends, self.ttl = number, quantity, ends, ttl
        self.open, self.extended = True, False


class Shop(RuleBasedStateMachine):
    """One place, one item, safety stock 1."""

    addresses: tuple[str, str]
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = datetime.now(UTC) + timedelta(minutes=1)
        self.sellable, self.damaged, self.frozen = 0, 0, False
        self.all: list[Hold] = []
        self.asked: list[tuple[str, dict, bytes]] = []
        self.sequence = 0
        self.run(self.open())

    def run(self, work):
        return self.runner.run(work)

    async def open(self) -> None:
        self.owner = await asyncpg.connect(self.addresses[0])
        self.db = Db(self.addresses[1], size=4, now=self.now)
        await self.db.open()
        transport = httpx.ASGITransport(app=build_app(Settings(rate_limit=0), self.db))
        token = await create_key(
            self.db, f"model-{secrets.token_hex(4)}", ["admin"], None, self.now + timedelta(days=9)
        )
        self.client = httpx.AsyncClient(
            transport=transport,
            base_url="http://model.test",
            headers={"Authorization": f"Bearer {token}"},
        )
        self.place, self.sku = f"m{secrets.token_hex(4)}", f"M{secrets.token_hex(4)}"
        self.till = f"{self.place}-1"
        await self.put(
            f"/v1/locations/{self.place}",
            {
                "name": "Model",
                "kind": "store",
                "time_zone": "Europe/Copenhagen",
                "safety_stock": 1,
            },
        )
        await self.put(f"/v1/items/{self.sku}", {"name": "Model"})
        await self.put(f"/v1/pos/terminals/{self.till}", {"location": self.place, "name": "Till"})

    async def put(self, path: str, body: dict) -> httpx.Response:
        return await self.client.put(path, json=body)

    async def post(self, path: str, body: dict, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        return await self.client.post(path, json=body, headers=headers)

    # what the model believes

    def alive(self, hold: Hold) -> bool:
        return hold.open and hold.ends > self.now

    @property
    def claimed(self) -> int:
        return sum(hold.quantity for hold in self.all if self.alive(hold))

    @property
    def available(self) -> int:
        return 0 if self.frozen else max(0, self.sellable - self.claimed - 1)

    # what can happen

    @rule(quantity=few)
    def goods_come_in(self, quantity: int) -> None:
        self.move("received", quantity)
        self.sellable += quantity

    @rule(quantity=few)
    def goods_break(self, quantity: int) -> None:
        status = self.move("damaged", quantity)
        assert status == ("posted" if quantity <= self.sellable else "refused")
        if status == "posted":
            self.sellable -= quantity
            self.damaged += quantity

    def move(self, kind: str, quantity: int) -> str:
        entry = {"location": self.place, "sku": self.sku, "kind": kind, "quantity": quantity}
        reply = self.run(self.post("/v1/stock/movements", {"movements": [entry]}))
        return reply.json()["results"][0]["status"]

    @rule(target=holds, quantity=few, ttl=st.sampled_from([30, 300]))
    def one_customer_holds(self, quantity: int, ttl: int):
        body = {
            "location": self.place,
            "ttl_seconds": ttl,
            "lines": [{"sku": self.sku, "quantity": quantity}],
        }
        key = secrets.token_hex(8)
        reply = self.run(self.post("/v1/reservations", body, key))
        self.asked.append((key, body, reply.content))
        if quantity > self.available:
            assert reply.status_code == 409
            return multiple()
        assert reply.status_code == 201, reply.text
        return self.remember(reply, quantity, ttl)

    def remember(self, reply: httpx.Response, quantity: int, ttl: int) -> Hold:
        ends = datetime.fromisoformat(reply.json()["expires_at"])
        assert ends == self.now + timedelta(seconds=ttl)
        hold = Hold(reply.json()["id"], quantity, ends, ttl)
        self.all.append(hold)
        return hold

    @rule(target=holds, quantities=st.lists(few, min_size=2, max_size=12))
    def customers_race(self, quantities: list[int]):
        """Whoever loses lost to what was really gone: no refused request would still fit."""
        bodies = [
            {"location": self.place, "lines": [{"sku": self.sku, "quantity": quantity}]}
            for quantity in quantities
        ]

        async def all_at_once():
            return await asyncio.gather(*(self.post("/v1/reservations", b) for b in bodies))

        before = self.available
        replies = list(zip(quantities, self.run(all_at_once()), strict=True))
        won = [(quantity, reply) for quantity, reply in replies if reply.status_code == 201]
        lost = [quantity for quantity, reply in replies if reply.status_code == 409]
        assert len(won) + len(lost) == len(quantities)
        left = before - sum(quantity for quantity, _ in won)
        assert left >= 0
        assert all(quantity > left for quantity in lost)
        return multiple(*(self.remember(reply, quantity, 900) for quantity, reply in won))

    @rule(hold=consumes(holds), twice=st.booleans())
    def a_hold_is_released(self, hold: Hold, *, twice: bool) -> None:
        for _ in range(2 if twice else 1):
            reply = self.run(self.post(f"/v1/reservations/{hold.id}/release", {}))
            expected = "released" if self.alive(hold) or not hold.open else "expired"
            assert (reply.status_code, reply.json()["state"]) == (200, expected)
            if expected == "released":
                hold.open = False

    @rule(hold=holds)
    def a_hold_is_extended(self, hold: Hold) -> None:
        reply = self.run(self.post(f"/v1/reservations/{hold.id}/extend", {}))
        if not self.alive(hold):
            assert reply.json()["code"] == "reservation_expired"
        elif hold.extended:
            assert reply.json()["code"] == "already_extended"
        else:
            hold.extended, hold.ends = True, hold.ends + timedelta(seconds=hold.ttl)
            assert datetime.fromisoformat(reply.json()["expires_at"]) == hold.ends

    @rule(hold=holds, quantity=few)
    def a_hold_is_resized(self, hold: Hold, quantity: int) -> None:
        body = {"lines": [{"sku": self.sku, "quantity": quantity}]}
        reply = self.run(self.put(f"/v1/reservations/{hold.id}/lines", body))
        if not self.alive(hold):
            assert reply.json()["code"] == "reservation_expired"
        elif quantity > hold.quantity and quantity - hold.quantity > self.available:
            assert reply.json()["code"] == "insufficient_stock"
        else:
            assert reply.status_code == 200, reply.text
            hold.quantity = quantity

    @rule(quantity=few, again=st.booleans())
    def the_till_sells(self, quantity: int, *, again: bool) -> None:
        """A till's sale is a fact: never refused, and below zero it freezes the item here (I4)."""
        self.sequence += 1
        receipt = {
            "terminal": self.till,
            "sequence": self.sequence,
            "kind": "sale",
            "occurred_at": self.now.isoformat(),
            "currency": "DKK",
            "lines": [
                {
                    "line": 1,
                    "sku": self.sku,
                    "quantity": quantity,
                    "unit_price": 100,
                    "paid": 100 * quantity,
                }
            ],
        }
        told = [
            self.run(self.post("/v1/pos/receipts", {"receipts": [receipt]})).json()
            for _ in range(2 if again else 1)
        ]
        assert told[0]["results"][0]["status"] == "posted"
        assert all(reply["results"][0]["status"] == "duplicate" for reply in told[1:])
        self.sellable -= quantity
        self.frozen = self.frozen or self.sellable < 0

    @rule(counted=st.integers(0, 9))
    def somebody_counts(self, counted: int) -> None:
        body = {"sellable": counted, "expected": self.sellable, "reason": "shelf"}
        reply = self.run(self.put(f"/v1/stock/{self.place}/{self.sku}", body))
        assert reply.status_code == 200, reply.text
        self.sellable, self.frozen = counted, False
        # what happens at the very moment of a count is on the counted shelf already (domain §1.3)
        self.now += timedelta(milliseconds=1)
        self.db.now = self.now

    @rule()
    def the_last_request_is_sent_again(self) -> None:
        if self.asked:
            key, body, first = self.asked[-1]
            reply = self.run(self.post("/v1/reservations", body, key))
            assert reply.content == first
            assert reply.headers["idempotent-replayed"] == "true"

    @rule(seconds=st.sampled_from([1, 29, 30, 61, 400]), swept=st.booleans())
    def time_passes(self, seconds: int, *, swept: bool) -> None:
        self.now += timedelta(seconds=seconds)
        self.db.now = self.now
        if swept:
            self.run(expire(self.db, 1))

    # what must hold after every step

    @invariant()
    def the_service_tells_what_the_model_believes(self) -> None:
        told = self.run(self.client.get(f"/v1/stock/{self.place}/{self.sku}")).json()
        assert told["sellable"] == self.sellable
        assert told["damaged"] == self.damaged
        assert told["reserved"] == told["unpicked"] == self.claimed
        assert told["available"] == self.available
        assert told["frozen"] is self.frozen
        found = self.run(self.client.get(f"/v1/availability/{self.sku}")).json()["locations"]
        assert [place["available"] for place in found] in ([], [self.available])

    def teardown(self) -> None:
        self.run(self.close())
        self.runner.close()

    async def close(self) -> None:
        assert await broken_invariants(self.owner) == []
        await self.client.aclose()
        await self.db.close()
        await self.owner.close()


async def broken_invariants(owner: asyncpg.Connection) -> list[str]:
    """The checks that return rows, on one snapshot."""
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        return [path.stem for path in CHECKS if await owner.fetch(path.read_text())]


def test_the_service_agrees_with_the_model_whatever_happens_in_whatever_order(database) -> None:
    Shop.addresses = database
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=CASES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
