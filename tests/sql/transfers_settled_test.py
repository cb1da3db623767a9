"""Transfers at their functions: over, short, closed, late, and who may say so (domain §2.4)."""

import secrets
import uuid

import asyncpg
import pytest
import pytest_asyncio

from tests.sql.roads import HOUR, START, Road


@pytest_asyncio.fixture
async def road(service, owner):
    return await Road(owner, service).make()


async def test_more_than_was_sent_needs_a_managers_word_and_has_the_sender_count(road):
    transfer = await road.sent()
    outcome = await road.change("receive", transfer, road.units(8), road.units(4))
    assert outcome["short"] == [
        {"line": 2, "sku": road.sku, "code": "over_receipt", "requested": 4, "available": 2}
    ]
    assert (await road.level(road.aar)).get("sellable", 0) == 0
    outcome = await road.change(
        "receive", transfer, road.units(8), road.units(4), may_exceed=True, reason="counted twice"
    )
    (line,) = outcome["transfer"]["lines"]
    assert (line["received"], line["extra"], outcome["transfer"]["state"]) == (10, 2, "received")
    assert (await road.level(road.aar))["sellable"] == 12
    assert (await road.account("in_transit"), await road.account("shrink")) == (0, -2)
    assert await road.tasks(road.ode) == ["transfer_over"]
    assert await road.events(transfer) == ["requested", "dispatched", "received", "over"]


async def test_both_sides_close_a_short_transfer_and_one_alone_disputes_it(road):
    transfer = await road.sent()
    await road.change("receive", transfer, road.units(7))
    outcome = await road.change("close", transfer, locations=[road.aar])
    assert (outcome["transfer"]["state"], outcome["transfer"]["confirmed_by"]) == (
        "disputed", ["receiver"],
    )  # fmt: skip
    again = await road.change("close", transfer, side="receiver")
    assert again["transfer"] == outcome["transfer"]
    outcome = await road.change("close", transfer, locations=[road.ode], reason="never packed")
    assert outcome["transfer"]["state"] == "closed"
    assert (await road.account("in_transit"), await road.account("shrink")) == (0, 3)
    assert await road.tasks(road.ode) == ["transfer_short"]
    assert await road.events(transfer) == ["requested", "dispatched", "received", "short", "closed"]
    assert (await road.change("close", transfer))["code"] == "confirmed"


async def test_goods_that_come_in_a_dispute_start_the_confirmations_anew(road):
    transfer = await road.sent()
    await road.change("close", transfer, side="receiver")
    outcome = await road.change("receive", transfer, road.units(9))
    assert (outcome["transfer"]["state"], outcome["transfer"]["confirmed_by"]) == (
        "partly_received", [],
    )  # fmt: skip
    outcome = await road.change("receive", transfer, road.units(1))
    assert outcome["transfer"]["state"] == "received"
    outcome = await road.change("close", transfer, side="receiver")
    assert outcome["transfer"]["state"] == "closed"
    assert await road.account("shrink") == 0


async def test_closing_releases_what_never_left(road):
    transfer = await road.request()
    await road.change("dispatch", transfer, road.units(3))
    await road.change("receive", transfer, road.units(3))
    outcome = await road.change("close", transfer, side="sender")
    assert outcome["transfer"]["state"] == "closed"
    assert (await road.level(road.ode))["reserved"] == 0


async def test_a_token_acts_for_the_end_that_it_covers(road, service):
    transfer = await road.request()
    elsewhere = [await service.place()]
    lines = [road.units(1)]
    for verb, wrong in (("dispatch", road.aar), ("receive", road.ode), ("cancel", road.aar)):
        outcome = await road.change(verb, transfer, *lines, locations=[wrong])
        assert outcome == {"code": "forbidden_location"}
        outcome = await road.change(verb, transfer, *lines, locations=elsewhere)
        assert outcome == {"code": "not_found"}
    outcome = await road.change("close", transfer, locations=[road.aar], side="sender")
    assert outcome == {"code": "forbidden_location"}
    assert (await road.change("close", str(uuid.uuid4())))["code"] == "not_found"


async def test_a_refusal_of_a_place_is_not_remembered_so_the_key_works_later(road):
    transfer = await road.request()
    key = secrets.token_hex(8)
    outcome = await road.change("dispatch", transfer, locations=[road.aar], key=key)
    assert outcome["code"] == "forbidden_location"
    assert (await road.change("dispatch", transfer, key=key))["code"] == "dispatched"


async def test_a_key_that_comes_twice_has_one_effect(road):
    command = road.asked((road.sku, 10))
    outcomes = await road.call("request_transfer", command, command)
    assert outcomes[1] == {**outcomes[0], "replayed": True}
    extra = {"lines": [], "occurred_at": None}
    send = road.head(transfer_id=command["transfer_id"]) | extra
    first = await road.call("dispatch_transfer", send, send)
    again = await road.call("dispatch_transfer", send)
    assert again == [first[1]] == [{**first[0], "replayed": True}]
    other = await road.call("dispatch_transfer", {**send, "fingerprint": "g"})
    assert other == [{"code": "idempotency_key_reused"}]


async def test_what_nobody_picks_for_48_hours_is_free_again(road):
    whole, part = await road.request(), await road.request((road.sku, 5))
    await road.change("dispatch", part, road.units(2), at=START + HOUR)
    assert await road.sweep("unpicked", 48, START + 48 * HOUR) == 1
    assert await road.events(whole) == ["requested", "cancelled"]
    assert (await road.level(road.ode))["reserved"] == 3
    assert await road.sweep("unpicked", 48, START + 49 * HOUR) == 1
    assert (await road.level(road.ode))["reserved"] == 0
    outcome = await road.change("receive", part, road.units(2), at=START + 50 * HOUR)
    assert outcome["transfer"]["state"] == "received"


async def test_a_transfer_is_told_overdue_once_a_day_after_its_eta(road):
    late = await road.request((road.sku, 2), eta=START + 5 * HOUR)
    kept = await road.request((road.sku, 2), eta=START + 5 * HOUR)
    for transfer in (late, kept):
        await road.change("dispatch", transfer)
    await road.change("receive", kept, road.units(2))
    due = START + 29 * HOUR
    assert await road.sweep("overdue", 24, due - HOUR / 2) == 0
    assert await road.sweep("overdue", 24, due) == 1
    assert await road.sweep("overdue", 24, due + HOUR) == 0
    assert await road.events(late) == ["requested", "dispatched", "overdue"]
    outcome = await road.change("receive", late, road.units(2), at=due + HOUR)
    assert outcome["transfer"]["overdue_at"] is not None


async def test_a_sweep_leaves_what_another_process_has_locked(road, database):
    transfer = await road.request()
    other = await asyncpg.connect(database[0])
    try:
        async with other.transaction():
            await other.execute(
                "select 1 from transfers.transfer where transfer_id = $1 for update",
                uuid.UUID(transfer),
            )
            assert await road.sweep("unpicked", 0, START) == 0
        assert await road.sweep("unpicked", 0, START) == 1
    finally:
        await other.close()


@pytest.mark.parametrize(
    "name",
    ["request_transfer", "dispatch_transfer", "receive_transfer", "close_transfer",
     "cancel_transfer", "sweep_transfers"],
)  # fmt: skip
async def test_a_command_without_a_cell_is_a_bug_and_says_so(road, name):
    with pytest.raises(asyncpg.RaiseError, match="p_cell is null"):
        await road.owner.fetchval(f"select transfers.{name}(null, '[]', null)")
