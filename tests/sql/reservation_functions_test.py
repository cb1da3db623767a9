"""Reservations at their functions: every outcome, twins, keys, locks and time (I3, I7, I15)."""

import asyncio
import json
import random
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


class Hall:
    """Places and items of their own, and commands as a lane would send them."""

    def __init__(self, owner: asyncpg.Connection, service: Any, dsn: str) -> None:
        self.owner, self.service, self.dsn = owner, service, dsn
        self.client_id = 0

    async def make(self) -> "Hall":
        self.client_id = await self.owner.fetchval(
            "insert into access.client (name, created_at) values ($1, now()) returning client_id",
            secrets.token_hex(8),
        )
        return self

    def ask(self, *lines: tuple[str, str, int], **of: object) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "key": secrets.token_hex(8),
            "fingerprint": "f",
            "request_id": "r",
            "reservation_id": str(uuid.uuid4()),
            "ttl_seconds": 900,
            "channel": "app",
            "customer": None,
            "client_max": 50_000,
            "customer_max": 5,
            "lines": [{"location": p, "sku": s, "quantity": q} for p, s, q in lines],
            **of,
        }

    def change(self, reservation_id: str, **of: object) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "key": secrets.token_hex(8),
            "fingerprint": "f",
            "request_id": "r",
            "reservation_id": reservation_id,
            "locations": None,
            **of,
        }

    async def call(
        self,
        function: str,
        *commands: dict[str, Any],
        at: datetime | None = None,
        on: asyncpg.Connection | None = None,
    ) -> list[dict[str, Any]]:
        text = await (on or self.owner).fetchval(
            f"select reservations.{function}(1, $1, $2)", json.dumps(commands), at
        )
        return json.loads(text)

    async def hold(self, *commands: dict[str, Any], **of: Any) -> list[str]:
        return [o["code"] for o in await self.call("place_hold", *commands, **of)]


@pytest_asyncio.fixture
async def hall(service, owner, database):
    return await Hall(owner, service, database[0]).make()


async def shelf(service, quantity: int) -> tuple[str, str]:
    place, sku = await service.place(), await service.item()
    await service.receive(place, sku, quantity)
    return place, sku


async def test_every_outcome_of_a_hold_in_one_batch_in_order_of_arrival(hall, service):
    place, sku = await shelf(service, 3)
    closing = await service.place(state="closing")
    codes = await hall.hold(
        hall.ask((place, sku, 4)),
        hall.ask((place, sku, 2)),
        hall.ask((place, "nope", 1)),
        hall.ask(("nowhere", sku, 1)),
        hall.ask((closing, sku, 1)),
        hall.ask((place, sku, 1)),
        hall.ask((place, sku, 1)),
    )
    assert codes == [
        "insufficient_stock",
        "placed",
        "unknown_sku",
        "unknown_location",
        "location_closed",
        "placed",
        "insufficient_stock",
    ]


async def test_a_key_that_comes_twice_in_one_batch_has_one_effect(hall, service):
    place, sku = await shelf(service, 9)
    first = hall.ask((place, sku, 1), key="k")
    twin = hall.ask((place, sku, 1), key="k")
    other = hall.ask((place, sku, 5), key="k", fingerprint="another")
    outcomes = await hall.call("place_hold", first, twin, other)
    assert outcomes[1] == {**outcomes[0], "replayed": True}
    assert outcomes[2] == {"code": "idempotency_key_reused"}
    again = await hall.call("place_hold", twin)
    assert again == [{**outcomes[0], "replayed": True}]


async def test_a_limit_is_not_remembered_so_the_key_works_later(hall, service):
    place, sku = await shelf(service, 9)
    asked = hall.ask((place, sku, 1), client_max=0)
    assert await hall.hold(asked) == ["too_many_open_holds"]
    assert await hall.hold({**asked, "client_max": 1}) == ["placed"]


async def test_the_same_key_in_two_processes_over_different_rows_has_one_effect(hall, service):
    """Neither waits for the other's rows: the key's uniqueness breaks the later one, which then
    finds the stored outcome when the lane asks again.
    """
    (here, one), (there, two) = await shelf(service, 5), await shelf(service, 5)
    connections = [await asyncpg.connect(hall.dsn) for _ in range(2)]
    asked = [hall.ask((here, one, 1), key="k"), hall.ask((there, two, 1), key="k", fingerprint="g")]
    try:
        transaction = connections[0].transaction()
        await transaction.start()
        assert await hall.hold(asked[0], on=connections[0]) == ["placed"]
        late = asyncio.create_task(hall.hold(asked[1], on=connections[1]))
        await asyncio.sleep(0.1)
        assert not late.done()
        await transaction.commit()
        with pytest.raises(asyncpg.UniqueViolationError):
            await late
        assert await hall.hold(asked[1], on=connections[1]) == ["idempotency_key_reused"]
    finally:
        for connection in connections:
            await connection.close()


async def test_a_hold_without_a_cell_is_a_bug_and_says_so(hall):
    with pytest.raises(asyncpg.RaiseError, match="p_cell is null"):
        await hall.owner.fetchval("select reservations.place_hold(null, '[]', null)")


async def test_a_negative_book_promises_nothing_and_an_uncertain_one_is_named(hall, service):
    place, sku = await shelf(service, 5)
    await hall.owner.execute(
        "update stock.stock_level s set frozen_reason = 'not_found' from catalog.item i"
        " where i.sku_id = s.sku_id and i.sku = $1",
        sku,
    )
    assert await hall.hold(hall.ask((place, sku, 1))) == ["insufficient_stock"]
    await hall.owner.execute(
        "update stock.stock_level s set frozen_reason = null from catalog.item i"
        " where i.sku_id = s.sku_id and i.sku = $1",
        sku,
    )
    assert await hall.hold(hall.ask((place, sku, 1))) == ["placed"]


async def test_expiry_is_exact_to_the_microsecond_and_frees_what_it_held(hall, service):
    place, sku = await shelf(service, 1)
    start = datetime.now(UTC) + timedelta(seconds=1)
    assert await hall.hold(hall.ask((place, sku, 1), ttl_seconds=60), at=start) == ["placed"]
    end = start + timedelta(seconds=60)
    before = end - timedelta(microseconds=1)
    assert await hall.hold(hall.ask((place, sku, 1)), at=before) == ["insufficient_stock"]
    assert await hall.hold(hall.ask((place, sku, 1)), at=end) == ["placed"]


async def test_a_hold_that_the_rows_last_winner_saw_as_ended_is_not_revived(hall, service):
    """An extension that was sent before the end but waited behind the winner comes too late."""
    place, sku = await shelf(service, 1)
    start = datetime.now(UTC) + timedelta(seconds=1)
    first = hall.ask((place, sku, 1), ttl_seconds=60)
    await hall.hold(first, at=start)
    end = start + timedelta(seconds=60)
    assert await hall.hold(hall.ask((place, sku, 1)), at=end) == ["placed"]
    late = hall.change(first["reservation_id"])
    outcomes = await hall.call("extend_reservation", late, at=end - timedelta(seconds=5))
    assert outcomes[0]["code"] == "reservation_expired"


async def test_changes_tell_the_states_that_refuse_them(hall, service):
    place, sku = await shelf(service, 4)
    asked = hall.ask((place, sku, 2))
    await hall.hold(asked)
    number = asked["reservation_id"]
    unknown = hall.change(str(uuid.uuid4()))
    foreign = hall.change(number, locations=["elsewhere"])
    for function in ("release_reservation", "extend_reservation", "resize_reservation"):
        more = {"lines": [{"sku": sku, "quantity": 1}]} if function.startswith("resize") else {}
        outcomes = await hall.call(function, {**unknown, **more}, {**foreign, **more})
        assert [o["code"] for o in outcomes] == ["not_found", "not_found"]
    sized = [
        hall.change(number, lines=[{"sku": sku, "quantity": 5}]),
        hall.change(number, lines=[{"sku": "nope", "quantity": 1}]),
        hall.change(number, lines=[{"sku": sku, "quantity": 4}]),
        hall.change(number, lines=[{"sku": sku, "quantity": 1}]),
    ]
    outcomes = await hall.call("resize_reservation", *sized)
    assert [o["code"] for o in outcomes] == [
        "insufficient_stock",
        "unknown_sku",
        "resized",
        "resized",
    ]
    outcomes = await hall.call("release_reservation", hall.change(number), hall.change(number))
    assert [o["code"] for o in outcomes] == ["released", "released"]
    outcomes = await hall.call("extend_reservation", hall.change(number))
    assert outcomes[0]["code"] == "wrong_state"
    outcomes = await hall.call("resize_reservation", sized[3] | {"key": "new"})
    assert outcomes[0]["code"] == "wrong_state"


async def test_two_sweepers_end_each_hold_once(hall, service):
    place, sku = await shelf(service, 200)
    start = datetime.now(UTC) + timedelta(seconds=1)
    asked = [hall.ask((place, sku, 1), ttl_seconds=60) for _ in range(100)]
    assert set(await hall.hold(*asked, at=start)) == {"placed"}
    end = start + timedelta(seconds=61)
    connections = [await asyncpg.connect(hall.dsn) for _ in range(3)]
    try:
        sweeps = await asyncio.gather(
            *(
                hall.call("expire_reservations", {"most": 500}, at=end, on=connection)
                for connection in connections
            )
        )
    finally:
        for connection in connections:
            await connection.close()
    numbers = [uuid.UUID(ask["reservation_id"]) for ask in asked]
    ended = await hall.owner.fetchval(
        "select count(*) from events.event where type = 'reservation.expired'"
        " and subject = any($1)",
        [f"reservation/{number}" for number in numbers],
    )
    assert ended == 100
    assert sum(sweep[0]["reservations"] for sweep in sweeps) >= 100


@pytest.mark.parametrize("seed", range(4))
async def test_baskets_in_any_order_from_four_processes_never_deadlock_nor_oversell(
    hall, service, seed
):
    """T2: rows are locked in one order, so baskets that share items only wait (F3)."""
    chance = random.Random(seed)
    places = [await service.place() for _ in range(2)]
    skus = [await service.item() for _ in range(5)]
    pairs = [(place, sku) for place in places for sku in skus]
    for place, sku in pairs:
        await service.receive(place, sku, 12)
    connections = [await asyncpg.connect(hall.dsn) for _ in range(4)]

    async def buyer(connection):
        placed = 0
        for _ in range(12):
            batch = [
                hall.ask(*((*pair, chance.randint(1, 3)) for pair in chance.sample(pairs, 4)))
                for _ in range(chance.randint(1, 6))
            ]
            placed += (await hall.hold(*batch, on=connection)).count("placed")
        return placed

    try:
        placed = await asyncio.gather(*(buyer(connection) for connection in connections))
    finally:
        for connection in connections:
            await connection.close()
    rows = await service.sql(
        "select s.sellable, s.reserved from stock.stock_level s join catalog.item i using (sku_id)"
        " where i.sku = any($1) and s.version > 0",
        skus,
    )
    assert sum(placed) > 0
    assert all(row["reserved"] <= row["sellable"] == 12 for row in rows)
