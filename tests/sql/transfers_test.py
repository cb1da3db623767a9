"""Transfers at their functions: request, dispatch, receipt, and the story (I17, domain §2.4)."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from tests.sql.roads import HOUR, START, Road


@pytest_asyncio.fixture
async def road(service, owner):
    return await Road(owner, service).make()


async def test_every_outcome_of_a_request_in_one_batch_in_order_of_arrival(road, service):
    closed = await service.place(state="closed")
    loose = await service.item(stock_tracked=False)
    outcomes = await road.call(
        "request_transfer",
        road.asked((road.sku, 26)),
        road.asked((road.sku, 20)),
        road.asked((road.sku, 6)),
        road.asked((road.sku, 5), ("nope", 1)),
        road.asked((loose, 1)),
        road.asked((road.sku, 1), to_location="nowhere"),
        road.asked((road.sku, 1), to_location=closed),
        road.asked((road.sku, 5)),
    )
    assert [outcome["code"] for outcome in outcomes] == [
        "insufficient_stock",
        "requested",
        "insufficient_stock",
        "unknown_sku",
        "not_stock_tracked",
        "unknown_location",
        "location_closed",
        "requested",
    ]
    assert outcomes[2]["short"] == [
        {"line": 1, "sku": road.sku, "code": "insufficient_stock", "requested": 6, "available": 5}
    ]
    level = await road.level(road.ode)
    assert (level["sellable"], level["reserved"], level["unpicked"]) == (25, 25, 25)


async def test_an_uncertain_book_promises_nothing_unless_a_manager_says_so(road):
    await road.owner.execute(
        "update stock.stock_level s set not_found_at = array_fill(now(), array[3])"
        " from catalog.item i where i.sku_id = s.sku_id and i.sku = $1",
        road.sku,
    )
    (outcome,) = await road.call("request_transfer", road.asked((road.sku, 1)))
    assert outcome["code"] == "uncertain_stock"
    assert await road.request((road.sku, 1), override="seen on the shelf")


async def test_a_manager_may_claim_what_the_book_never_had(road):
    sku = await road.goods(0)
    transfer = await road.request((sku, 3), override="in the back room")
    outcome = await road.change("dispatch", transfer)
    assert (outcome["code"], outcome["short"][0]["available"]) == ("not_enough_there", 0)


async def test_story_14_a_short_transfer_to_the_number(road):
    transfer = await road.request()
    level = await road.level(road.ode)
    assert (level["sellable"], level["reserved"]) == (25, 10)
    await road.change("dispatch", transfer)
    level = await road.level(road.ode)
    assert (level["sellable"], level["reserved"], level["unpicked"]) == (15, 0, 0)
    assert await road.account("in_transit") == 10

    o5 = await road.order(2)
    outcome = await road.change(
        "receive",
        transfer,
        road.units(5),
        road.units(2, for_order=o5),
        road.units(1, damaged=True),
    )
    assert outcome["transfer"]["state"] == "partly_received"
    level = await road.level(road.aar)
    assert (level["sellable"], level["staged"], level["damaged"]) == (5, 2, 1)
    assert (level["reserved"], level["unpicked"]) == (2, 0)
    assert await road.account("in_transit") == 2

    assert await road.sweep("short", 72, START + 72 * HOUR - HOUR / 2) == 0
    assert await road.sweep("short", 72, START + 72 * HOUR) == 1
    assert await road.sweep("short", 72, START + 73 * HOUR) == 0
    assert (await road.account("in_transit"), await road.account("shrink")) == (0, 2)
    assert await road.tasks(road.ode) == ["transfer_short"]

    outcome = await road.change("receive", transfer, road.units(1), at=START + 80 * HOUR)
    (line,) = outcome["transfer"]["lines"]
    assert (outcome["transfer"]["state"], line["lost"], line["found"]) == ("closed", 2, 1)
    assert await road.account("shrink") == 1
    assert (await road.level(road.aar))["sellable"] == 6
    found = await road.owner.fetchrow(
        "select e.from_account, e.to_account, e.quantity, o.kind as reversed"
        " from stock.ledger_entry e join stock.ledger_entry o on o.location_id = e.location_id"
        " and o.sku_id = e.sku_id and o.ledger_sequence = e.reverses"
        " where e.kind = 'transfer_found' and e.document_id = $1",
        uuid.UUID(transfer),
    )
    assert tuple(found) == ("shrink", "sellable", 1, "transfer_loss")
    assert await road.events(transfer) == [
        "requested", "dispatched", "received", "short", "closed", "received",
    ]  # fmt: skip


async def test_the_rest_of_a_loss_that_is_found_too_takes_all_of_it_back(road):
    transfer = await road.sent()
    await road.change("receive", transfer, road.units(7))
    await road.change("close", transfer)
    for _ in range(3):
        assert (await road.change("receive", transfer, road.units(1)))["code"] == "received"
    assert await road.account("shrink") == 0
    outcome = await road.change("receive", transfer, road.units(1))
    assert (outcome["code"], outcome["short"][0]["available"]) == ("over_receipt", 0)


async def test_a_claim_that_rides_on_the_line_is_the_orders_again_on_arrival(road):
    transfer = await road.sent()
    order = await road.order(3, on=transfer)
    outcome = await road.change("receive", transfer, road.units(4, for_order=order))
    assert outcome["code"] == "no_waiting_claim"
    await road.change("receive", transfer, road.units(1, for_order=order))
    outcome = await road.change("receive", transfer, road.units(2, for_order=order))
    assert outcome["code"] == "received"
    level = await road.level(road.aar)
    assert (level["staged"], level["reserved"], level["unpicked"], level["sellable"]) == (
        2 + 1,
        3,
        0,
        0,
    )
    outcome = await road.change("receive", transfer, road.units(1, for_order=order))
    assert outcome["code"] == "no_waiting_claim"


async def test_a_part_is_sent_and_the_rest_stays_claimed_until_it_is_sent_or_cancelled(road):
    transfer = await road.request()
    outcome = await road.change("dispatch", transfer, road.units(4))
    assert outcome["transfer"]["state"] == "dispatched"
    level = await road.level(road.ode)
    assert (level["sellable"], level["reserved"]) == (21, 6)
    assert (await road.change("dispatch", transfer, road.units(7)))["code"] == "more_than_requested"
    assert (await road.change("dispatch", transfer, road.units(2)))["code"] == "dispatched"
    outcome = await road.change("receive", transfer, road.units(6))
    assert outcome["transfer"]["state"] == "partly_received"
    outcome = await road.change("cancel", transfer)
    assert (outcome["code"], outcome["transfer"]["state"]) == ("cancelled", "received")
    assert (await road.level(road.ode))["reserved"] == 0
    assert (await road.change("cancel", transfer))["code"] == "wrong_state"
    assert (await road.change("dispatch", transfer))["code"] == "wrong_state"


async def test_cancelling_before_dispatch_releases_and_twice_is_once(road):
    transfer = await road.request()
    for _ in range(2):
        outcome = await road.change("cancel", transfer)
        assert (outcome["code"], outcome["transfer"]["state"]) == ("cancelled", "cancelled")
    assert (await road.level(road.ode))["reserved"] == 0
    for verb in ("dispatch", "receive", "close"):
        lines = [road.units(1)] if verb == "receive" else []
        assert (await road.change(verb, transfer, *lines))["code"] == "wrong_state"
    assert await road.events(transfer) == ["requested", "cancelled"]


async def test_a_lines_item_must_be_on_the_transfer(road):
    other = await road.goods(5)
    transfer = await road.sent()
    for verb in ("dispatch", "receive"):
        rest = transfer if verb == "receive" else await road.request()
        outcome = await road.change(verb, rest, road.units(1, other))
        assert outcome["code"] == "not_on_transfer"
    assert (await road.change("receive", transfer, road.units(1, "nope")))[
        "code"
    ] == "not_on_transfer"


async def test_goods_that_left_before_the_last_count_need_not_be_on_the_shelf(road):
    """The shelf was counted after they left: the book stays as counted, shrink is put right."""
    transfer = await road.request()
    counted = await road.service.put(
        f"/v1/stock/{road.ode}/{road.sku}", {"sellable": 2, "expected": None, "reason": "count"}
    )
    assert counted.status_code == 200, counted.text
    after_it = datetime.now(UTC) + timedelta(minutes=1)
    refused = await road.change("dispatch", transfer, at=after_it)
    assert refused["code"] == "not_enough_there"
    earlier = datetime.now(UTC) - timedelta(hours=1)
    outcome = await road.change("dispatch", transfer, occurred_at=earlier)
    assert outcome["code"] == "dispatched"
    assert (await road.level(road.ode))["sellable"] == 2
    assert (await road.account("in_transit"), await road.account("shrink")) == (10, 13)


async def test_a_receipt_that_was_scanned_late_meets_the_count_after_it(road):
    transfer = await road.sent()
    await road.service.put(
        f"/v1/stock/{road.aar}/{road.sku}", {"sellable": 10, "expected": None, "reason": "count"}
    )
    outcome = await road.change(
        "receive", transfer, road.units(10), occurred_at=datetime.now(UTC) - timedelta(hours=1)
    )
    assert outcome["transfer"]["state"] == "received"
    assert (await road.level(road.aar))["sellable"] == 10
    assert (await road.account("in_transit"), await road.account("shrink")) == (0, 0)


async def test_nothing_is_sent_or_received_in_the_future(road):
    transfer = await road.request()
    ahead = START + timedelta(minutes=11)
    assert (await road.change("dispatch", transfer, occurred_at=ahead))["code"] == "in_the_future"
    await road.change("dispatch", transfer)
    outcome = await road.change("receive", transfer, road.units(1), occurred_at=ahead)
    assert outcome["code"] == "in_the_future"
