"""Every outcome of stock.count_level and stock.set_safety_stock, at the functions themselves."""

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
World = Any  # the one of conftest


def count(world: World, sellable: int, expected: int | None = None, **of: object) -> dict[str, Any]:
    """A one-line count of the world's item."""
    return {
        "client_id": world.client_id, "key": secrets.token_hex(8), "fingerprint": "f",
        "request_id": "r", "location": world.location, "sku": world.sku, "sellable": sellable,
        "expected": expected, "if_change": None, "document_id": str(uuid.uuid4()),
        "reason": "shelf", **of,
    }  # fmt: skip


def safety(world: World, units: int | None, **of: object) -> dict[str, Any]:
    """A safety stock for the world's item at its place."""
    return {
        "client_id": world.client_id, "key": secrets.token_hex(8), "fingerprint": "f",
        "request_id": "r", "location": world.location, "sku": world.sku, "safety_stock": units,
        "if_change": None, **of,
    }  # fmt: skip


async def counted(world: World, *commands: dict[str, Any], **of: Any) -> list[dict[str, Any]]:
    return await world.run("stock.count_level", *commands, **of)


async def set_safety(world: World, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    return await world.run("stock.set_safety_stock", *commands)


async def test_a_count_moves_the_difference_to_or_from_shrink(world: World) -> None:
    (outcome,) = await counted(world, count(world, 5, 0))
    assert outcome["code"] == "counted"
    assert (outcome["level"]["sellable"], outcome["level"]["version"]) == (5, 1)
    (outcome,) = await counted(world, count(world, 3, 5))
    assert outcome["level"]["sellable"] == 3
    assert await world.ledger() == [
        ("shrink", "sellable", 5, "count"), ("sellable", "shrink", 2, "count"),
    ]  # fmt: skip
    assert [event["cause"] for event in await world.events()] == ["stock.counted"] * 2


async def test_a_count_equal_to_the_book_writes_no_entry_and_is_remembered(world: World) -> None:
    await counted(world, count(world, 5))
    (outcome,) = await counted(world, count(world, 5, 5), at=NOW + timedelta(hours=1))
    level = outcome["level"]
    assert datetime.fromisoformat(level["last_counted_at"]) == NOW + timedelta(hours=1)
    assert (level["version"], level["change_count"]) == (2, 2)
    assert len(await world.ledger()) == 1
    assert [event["version"] for event in await world.events()] == [1, 2]


async def test_numbers_go_on_after_a_count_without_an_entry(world: World) -> None:
    await counted(world, count(world, 5))
    await counted(world, count(world, 5))
    await counted(world, count(world, 6))
    numbers = await world.connection.fetch(
        "select ledger_sequence from stock.ledger_entry e join catalog.item i using (sku_id)"
        " where i.sku = $1 order by 1", world.sku,
    )  # fmt: skip
    assert [row["ledger_sequence"] for row in numbers] == [1, 3]


async def test_another_book_than_expected_refuses_the_count_and_tells_the_actual(
    world: World,
) -> None:
    await counted(world, count(world, 5))
    (outcome,) = await counted(world, count(world, 7, 9))
    assert outcome == {"code": "expected_quantity_mismatch", "actual": 5}
    assert len(await world.ledger()) == 1


async def test_counts_in_one_call_see_what_the_ones_before_them_left(world: World) -> None:
    outcomes = await counted(
        world, count(world, 5, 0), count(world, 4, 0), count(world, 4, 5), count(world, 4, 4)
    )
    assert [outcome["code"] for outcome in outcomes] == [
        "counted", "expected_quantity_mismatch", "counted", "counted",
    ]  # fmt: skip
    assert outcomes[1]["actual"] == 5
    assert (await world.level())["sellable"] == 4
    assert len(await world.events()) == 1


async def test_a_stale_if_match_refuses_the_count(world: World) -> None:
    await counted(world, count(world, 5))
    outcomes = await counted(
        world, count(world, 6, if_change=1), count(world, 7, if_change=1), count(world, 8, 6)
    )
    assert [outcome["code"] for outcome in outcomes] == [
        "counted", "precondition_failed", "counted",
    ]  # fmt: skip


async def test_a_count_thaws_what_a_till_froze(world: World) -> None:
    await world.results(world.entry("supplier", "sellable", 1))
    await world.connection.execute(
        "select stock.post(1, $1, 'test', array[(l.location_id, i.sku_id, 'sellable', 'customer',"
        " 3, 'sale', $1, gen_random_uuid(), 'pos', null, null, $4, null)::stock.goods_change],"
        " null) from locations.location l, catalog.item i where l.location = $2 and i.sku = $3",
        NOW, world.location, world.sku, world.client_id,
    )  # fmt: skip
    assert (await world.level())["frozen_reason"] == "negative_stock"
    (outcome,) = await counted(world, count(world, 2, -2))
    assert outcome["level"]["frozen_reason"] is None
    assert outcome["level"]["available"] == 2
    assert (await world.events())[-1]["frozen"] is None


async def test_a_count_writes_off_what_was_missing(world: World) -> None:
    await world.results(world.entry("supplier", "sellable", 5))
    await world.results(world.entry("sellable", "missing", 2))
    await counted(world, count(world, 4, 3))
    level = await world.level()
    assert (level["sellable"], level["missing"]) == (4, 0)
    assert (await world.ledger())[-2:] == [
        ("shrink", "sellable", 1, "count"), ("missing", "shrink", 2, "written_off"),
    ]  # fmt: skip


async def test_a_place_or_item_that_is_unknown_is_not_found(world: World) -> None:
    outcomes = await counted(
        world, count(world, 1, location="nowhere"), count(world, 1, sku="nothing")
    )
    assert [outcome["code"] for outcome in outcomes] == ["not_found", "not_found"]
    outcomes = await set_safety(
        world, safety(world, 1, location="nowhere"), safety(world, 1, sku="nothing")
    )
    assert [outcome["code"] for outcome in outcomes] == ["not_found", "not_found"]


async def test_an_item_whose_stock_is_not_tracked_is_neither_counted_nor_held_back(
    world: World,
) -> None:
    sku = f"{world.sku}-bag"
    await world.item(sku, stock_tracked=False)
    (outcome,) = await counted(world, count(world, 1, sku=sku))
    assert outcome == {"code": "not_stock_tracked"}
    (outcome,) = await set_safety(world, safety(world, 1, sku=sku))
    assert outcome == {"code": "not_stock_tracked"}


async def test_a_key_is_decided_once(world: World) -> None:
    command = count(world, 5)
    first, twin = await counted(world, command, command)
    (again,) = await counted(world, command)
    assert twin["code"] == again["code"] == "counted"
    assert again["replayed"]
    assert again["level"] == first["level"]
    (outcome,) = await counted(world, command | {"fingerprint": "g"})
    assert outcome == {"code": "idempotency_key_reused"}
    assert len(await world.ledger()) == 1


async def test_a_safety_stock_is_held_back_and_null_gives_it_up(world: World) -> None:
    await counted(world, count(world, 5))
    (outcome,) = await set_safety(world, safety(world, 3))
    assert (outcome["code"], outcome["level"]["available"]) == ("set", 2)
    assert outcome["level"]["safety_source"] == "place_and_item"
    (outcome,) = await set_safety(world, safety(world, None))
    assert outcome["level"]["available"] == 5
    assert outcome["level"]["safety_source"] == "location"
    assert [event["cause"] for event in await world.events()] == [
        "stock.counted", "stock.safety_stock_set", "stock.safety_stock_set",
    ]  # fmt: skip


async def test_the_same_safety_stock_again_changes_nothing(world: World) -> None:
    await set_safety(world, safety(world, 3))
    (outcome,) = await set_safety(world, safety(world, 3))
    assert (outcome["code"], outcome["level"]["version"]) == ("set", 1)
    assert len(await world.events()) == 1


async def test_of_two_safety_stocks_in_one_call_the_later_stands(world: World) -> None:
    outcomes = await set_safety(world, safety(world, 3), safety(world, 4))
    assert [outcome["code"] for outcome in outcomes] == ["set", "set"]
    assert (await world.level())["safety_stock"] == 4


async def test_a_stale_if_match_refuses_the_safety_stock_and_a_key_is_decided_once(
    world: World,
) -> None:
    await set_safety(world, safety(world, 3))
    (outcome,) = await set_safety(world, safety(world, 4, if_change=0))
    assert outcome == {"code": "precondition_failed"}
    command = safety(world, 5, if_change=1)
    first, twin = await set_safety(world, command, command)
    assert (first["code"], twin["code"]) == ("set", "set")
    assert "replayed" in twin
    (outcome,) = await set_safety(world, command | {"fingerprint": "g"})
    assert outcome == {"code": "idempotency_key_reused"}
    assert (await world.level())["safety_stock"] == 5


@pytest.mark.parametrize("function", ["count_level", "set_safety_stock"])
async def test_the_cell_must_be_named_here_too(world: World, function: str) -> None:
    with pytest.raises(asyncpg.RaiseError, match="p_cell is null"):
        await world.connection.fetchval(f"select stock.{function}(null, '[]')")
