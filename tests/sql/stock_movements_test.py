"""Every outcome of stock.record_movements, at the function itself (R19, I1, I16)."""

import json
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
World = Any  # the one of conftest


async def test_goods_that_came_in_are_on_the_level_in_the_ledger_and_in_an_event(
    world: World,
) -> None:
    (result,) = await world.results(world.entry("supplier", "sellable", 12, reason="PO 4711"))
    assert result["status"] == "posted"
    level = await world.level()
    assert (level["sellable"], level["version"], level["change_count"]) == (12, 1, 1)
    entry = await world.connection.fetchrow(
        "select * from stock.ledger_entry where document_id = $1", uuid.UUID(result["movement"])
    )
    assert entry["reason"] == "PO 4711"
    assert entry["client_id"] == world.client_id
    assert entry["ledger_sequence"] == 1
    event = await world.connection.fetchrow(
        "select * from events.event where subject = $1", f"stock/{world.location}/{world.sku}"
    )
    assert (event["type"], event["subject_sequence"]) == ("stock.changed", 1)
    assert json.loads(event["data"])["sellable"] == 12


async def test_an_entry_is_decided_against_what_the_entries_before_it_left(world: World) -> None:
    results = await world.results(
        world.entry("sellable", "damaged", 1),
        world.entry("supplier", "sellable", 5),
        world.entry("sellable", "damaged", 3),
        world.entry("sellable", "shrink", 3),
        world.entry("damaged", "scrap", 2),
        world.entry("sellable", "shrink", 2),
    )
    assert [result["status"] for result in results] == [
        "refused",
        "posted",
        "posted",
        "refused",
        "posted",
        "posted",
    ]
    assert results[0]["code"] == "not_enough_there"
    assert (results[3]["account"], results[3]["there"]) == ("sellable", 2)
    level = await world.level()
    assert (level["sellable"], level["damaged"], level["version"]) == (0, 1, 4)


@pytest.mark.parametrize("account", ["sellable", "damaged", "quarantine", "display"])
async def test_no_account_gives_more_than_it_holds(world: World, account: str) -> None:
    target = "damaged" if account == "sellable" else "sellable"
    (result,) = await world.results(world.entry(account, target, 1))
    assert (result["code"], result["account"], result["there"]) == ("not_enough_there", account, 0)
    assert await world.level() == {}
    assert not await world.connection.fetchval(
        "select count(*) from stock.ledger_entry e join catalog.item i using (sku_id)"
        " where i.sku = $1",
        world.sku,
    )


async def test_the_second_use_of_a_source_key_is_a_duplicate_of_the_first(world: World) -> None:
    first = world.entry("supplier", "sellable", 5, source_key="po:1/1")
    again = world.entry("supplier", "sellable", 5, source_key="po:1/1")
    results = await world.results(first, again)
    assert results[1] == {"status": "duplicate", "movement": results[0]["movement"]}
    (later,) = await world.results(world.entry("supplier", "sellable", 9, source_key="po:1/1"))
    assert later == {"status": "duplicate", "movement": results[0]["movement"]}
    assert (await world.level())["sellable"] == 5


async def test_a_refused_entry_leaves_its_source_key_free(world: World) -> None:
    results = await world.results(
        world.entry("sellable", "damaged", 1, source_key="k"),
        world.entry("supplier", "sellable", 1, source_key="k"),
    )
    assert [result["status"] for result in results] == ["refused", "posted"]


async def test_a_source_key_is_the_clients_own(world: World) -> None:
    await world.results(world.entry("supplier", "sellable", 5, source_key="k"))
    world.client_id = await world.connection.fetchval(
        "insert into access.client (name, created_at) values ($1, $2) returning client_id",
        secrets.token_hex(8),
        NOW,
    )
    (result,) = await world.results(world.entry("supplier", "sellable", 5, source_key="k"))
    assert result["status"] == "posted"


async def test_an_unknown_place_or_item_is_refused_and_the_others_are_posted(world: World) -> None:
    results = await world.results(
        world.entry("supplier", "sellable", 1, location="nowhere"),
        world.entry("supplier", "sellable", 1, sku="nothing"),
        world.entry("supplier", "sellable", 1),
    )
    assert [result.get("code") for result in results] == ["unknown_location", "unknown_sku", None]
    assert (await world.level())["sellable"] == 1


async def test_an_item_whose_stock_is_not_tracked_has_no_movements(world: World) -> None:
    await world.item(f"{world.sku}-bag", stock_tracked=False)
    (result,) = await world.results(world.entry("supplier", "sellable", 1, sku=f"{world.sku}-bag"))
    assert result["code"] == "not_stock_tracked"


async def test_more_than_ten_minutes_ahead_is_refused_and_ten_are_taken(world: World) -> None:
    ahead = NOW + timedelta(minutes=10)
    results = await world.results(
        world.entry("supplier", "sellable", 1, occurred_at=ahead.isoformat()),
        world.entry(
            "supplier", "sellable", 1, occurred_at=(ahead + timedelta(seconds=1)).isoformat()
        ),
    )
    assert [result.get("code") for result in results] == [None, "in_the_future"]


async def test_what_was_refused_before_the_database_keeps_its_words(world: World) -> None:
    results = await world.results(
        {"problem": "forbidden_location", "detail": "not yours"},
        world.entry("supplier", "sellable", 1),
    )
    assert results[0] == {"status": "refused", "code": "forbidden_location", "detail": "not yours"}
    assert results[1]["status"] == "posted"


async def test_a_replay_tells_the_same_results_and_moves_nothing(world: World) -> None:
    command = world.command(
        world.entry("supplier", "sellable", 5), world.entry("damaged", "scrap", 1)
    )
    (first,) = await world.record(command)
    (again,) = await world.record(command)
    assert again == first | {"replayed": True}
    assert (await world.level())["sellable"] == 5


async def test_a_key_used_twice_in_one_call_is_decided_once(world: World) -> None:
    command = world.command(world.entry("supplier", "sellable", 5))
    first, twin = await world.record(command, command)
    assert twin == first | {"replayed": True}
    assert (await world.level())["sellable"] == 5


async def test_a_key_used_for_another_request_is_refused(world: World) -> None:
    command = world.command(world.entry("supplier", "sellable", 5))
    other = command | {"fingerprint": "g"}
    _, outcome = await world.record(command, other)
    assert outcome == {"code": "idempotency_key_reused"}
    (outcome,) = await world.record(other)
    assert outcome == {"code": "idempotency_key_reused"}
    assert (await world.level())["sellable"] == 5


async def test_a_command_without_entries_has_no_results(world: World) -> None:
    (outcome,) = await world.record(world.command())
    assert outcome == {"code": "recorded", "results": []}


async def test_the_cell_must_be_named(world: World) -> None:
    with pytest.raises(asyncpg.RaiseError, match="p_cell is null"):
        await world.connection.fetchval("select stock.record_movements(null, '[]')")
