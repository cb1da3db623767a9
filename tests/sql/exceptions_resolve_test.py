"""Every kind of exception and each word on it: what settles it, and what a refusal says to do."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.sql.exceptions_world import NOW, Shop, fresh_gtin

ADVICE = {
    ("unmapped", "accept"): "map it",
    ("held_for_review", "map"): "Accept posts",
    ("over_return", "map"): "Accept keeps",
    ("match", "map"): "one unit",
    ("gap", "map"): "never comes",
    ("gap", "reject"): "never comes",
    ("conflict", "map"): "new number",
    ("conflict", "accept"): "new number",
    ("parked", "map"): "by itself",
    ("parked", "accept"): "by itself",
    ("unknown_terminal", "map"): "Register",
    ("unknown_terminal", "accept"): "Register",
    ("fractional_quantity", "map"): "movements",
    ("fractional_quantity", "accept"): "movements",
}


@pytest_asyncio.fixture
async def shop(world: Any) -> AsyncIterator[Shop]:
    made = Shop(world)
    await made.make()
    yield made
    await made.sound()


@pytest.mark.parametrize(("kind", "action"), sorted(ADVICE))
async def test_what_does_not_settle_it_is_refused_with_what_to_do(
    shop: Shop, kind: str, action: str
) -> None:
    place, _ = await shop.ids()
    await shop.world.connection.execute(
        "insert into pos.exception (cell_id, exception_id, kind, terminal, epoch, sequence,"
        " location_id, fingerprint, body, recorded_at)"
        " values (1, gen_random_uuid(), $1, $2, 1, 7, $3, 'f', '{}', $4)",
        kind, shop.terminal, place, NOW,
    )  # fmt: skip
    (found,) = await shop.open(kind)
    refused = await shop.settle(found, action, shop.world.sku)
    assert refused["code"] == "wrong_state"
    assert ADVICE[kind, action] in refused["detail"]
    assert len(await shop.open(kind)) == 1
    # put there without its receipt: not for the invariants
    await shop.world.connection.execute(
        "delete from pos.exception where exception_id = $1", found["exception_id"]
    )


async def test_an_altered_copy_is_given_up_and_the_first_stands(shop: Shop) -> None:
    await shop.say(shop.receipt(1, shop.line(1)))
    assert await shop.say(shop.receipt(1, shop.line(2))) == ["conflict"]
    (found,) = await shop.open("conflict")
    assert (await shop.settle(found, "reject"))["code"] == "rejected"
    assert (await shop.book(), await shop.statuses()) == ((-1, 0), {1: "posted"})
    again = await shop.settle(found, "reject")
    assert (again["code"], again["detail"]) == ("wrong_state", "It is resolved already (reject).")


async def test_a_void_that_is_given_up_leaves_its_sale_when_it_comes(shop: Shop) -> None:
    await shop.say(shop.void(2, 1))
    (found,) = await shop.open("parked")
    assert (await shop.settle(found, "reject"))["status"] == "rejected"
    assert await shop.say(shop.receipt(1, shop.line(3))) == ["posted"]
    assert await shop.book() == (-3, 0)


async def test_a_missing_number_that_never_comes_is_accepted(shop: Shop) -> None:
    await shop.say(shop.receipt(1, shop.line(1)), shop.receipt(4, shop.line(1)))
    (found,) = await shop.open("gap")
    assert (found["sequence"], found["quantity"]) == (2, 2)
    assert (await shop.settle(found, "accept"))["code"] == "accepted"
    assert await shop.open("gap") == []
    # and if it comes all the same, it is a sale like any other
    assert await shop.say(shop.receipt(2, shop.line(1))) == ["posted"]
    assert await shop.book() == (-3, 0)


async def test_a_receipt_of_an_unknown_till_is_given_up(shop: Shop) -> None:
    stranger = Shop(shop.world, "nobodys-1")
    assert await stranger.say(stranger.receipt(1, stranger.line(1))) == ["unknown_terminal"]
    row = await shop.world.connection.fetchrow(
        "select * from pos.exception where terminal = 'nobodys-1'"
    )
    assert (await shop.settle({**dict(row), "body": {}}, "reject"))["code"] == "rejected"


async def test_a_command_that_is_asked_again_is_decided_once(shop: Shop) -> None:
    await shop.say(shop.receipt(1, {"line": 1, "gtin": fresh_gtin(), "quantity": 2}))
    (found,) = await shop.open("unmapped")
    command = {
        "client_id": shop.world.client_id, "key": "map-it", "fingerprint": "f", "request_id": "r",
        "exception_id": str(found["exception_id"]), "action": "map", "sku": shop.world.sku,
        "gtin": found["code"], "reason": "new in the shop", "locations": [shop.world.location],
        "codes": [],
    }  # fmt: skip
    (first,) = await shop.world.run("exceptions.resolve_exception", command)
    (again,) = await shop.world.run("exceptions.resolve_exception", command)
    assert again == {**first, "replayed": True}
    assert await shop.book() == (-2, 0)
    resolution = await shop.value(
        "select resolution ->> 'action' || ' ' || (resolution ->> 'reason') || ' '"
        " || (resolution ->> 'sku') || ' ' || (resolution ->> 'client') from pos.exception"
        " where exception_id = $1",
        found["exception_id"],
    )
    assert resolution == (f"mapped new in the shop {shop.world.sku} {shop.world.client_id}")
    (foreign,) = await shop.world.run(
        "exceptions.resolve_exception", {**command, "key": "k", "locations": ["elsewhere"]}
    )
    assert foreign["code"] == "not_found"
