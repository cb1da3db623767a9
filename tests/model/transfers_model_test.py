"""A transfer against a model in plain numbers: whatever is done to it, in whatever order (I17)."""

import random
from typing import Any

import pytest

from tests.sql.roads import START, Road

STEPS = 14
BOOK = 25


class Model:
    """What one transfer of one item must come to."""

    def __init__(self, requested: int) -> None:
        self.open = requested
        self.transit = self.sent = self.lost = self.shelf = self.damaged = self.gained = 0
        self.words: set[str] = set()
        self.over = False  # closed or cancelled

    def dispatch(self, units: int) -> bool:
        if not 0 < units <= self.open:
            return False
        self.open, self.transit, self.sent = (
            self.open - units, self.transit + units, self.sent + units,
        )  # fmt: skip
        self.words.clear()
        return True

    def receive(self, units: int, *, damaged: bool, manager: bool) -> bool:
        extra = max(0, units - self.transit - self.lost)
        if not self.sent or (extra and not manager):
            return False
        transit = min(units, self.transit)
        self.transit -= transit
        self.lost -= min(units - transit, self.lost)
        self.gained += extra
        self.damaged += units * damaged
        self.shelf += units * (not damaged)
        self.words.clear()
        return True

    def close(self, *sides: str) -> bool:
        if not self.sent:
            return False
        self.words.update(sides)
        if not self.over and (not self.transit or len(self.words) > 1):
            self.end()
        return True

    def end(self) -> None:
        self.lost, self.transit, self.open, self.over = self.transit, 0, 0, True

    def cancel(self) -> bool:
        if not self.open:
            return not self.sent
        self.open = 0
        return True


async def one_step(dice: random.Random, road: Road, transfer: str, model: Model) -> None:
    """Something that a person or the clock does; both sides agree whether it was done."""
    verb = dice.choice(["dispatch", "dispatch", "receive", "receive", "receive", "close", "close"])
    verb = "cancel" if dice.random() < 0.05 else verb
    extra: dict[str, Any] = {}
    lines = []
    if verb == "dispatch":
        units = dice.randint(1, 8)
        lines, fine = [road.units(units)], model.dispatch(units)
    elif verb == "receive":
        units, damaged, manager = dice.randint(1, 4), dice.random() < 0.3, dice.random() < 0.2
        lines = [road.units(units, damaged=damaged)]
        extra = {"may_exceed": manager, "reason": "counted twice"}
        fine = model.receive(units, damaged=damaged, manager=manager)
    elif verb == "close":
        side = dice.choice(["sender", "receiver", None])
        extra, fine = {"side": side}, model.close(*([side] if side else ["sender", "receiver"]))
    else:
        fine = model.cancel()
    outcome = await road.change(verb, transfer, *lines, **extra)
    done = outcome["code"] in ("dispatched", "received", "confirmed", "cancelled")
    assert done == fine, (verb, lines, extra, outcome)


@pytest.mark.parametrize("seed", range(40))
async def test_a_transfer_comes_to_what_the_model_says(service, owner, seed):
    dice = random.Random(seed)
    road = await Road(owner, service).make()
    requested = dice.randint(1, 15)
    transfer = await road.request((road.sku, requested))
    model = Model(requested)
    for _ in range(STEPS):
        await one_step(dice, road, transfer, model)
        if dice.random() < 0.05 and model.transit and not model.words and model.shelf:
            await road.sweep("short", 0, START)
            row = await owner.fetchval(
                "select state from transfers.transfer where transfer_id::text = $1", transfer
            )
            if row == "closed":
                model.end()
        sender, receiver = await road.level(road.ode), await road.level(road.aar)
        assert (sender["sellable"], sender["reserved"]) == (BOOK - model.sent, model.open)
        assert receiver.get("sellable", 0) == model.shelf
        assert receiver.get("damaged", 0) == model.damaged
        assert await road.account("in_transit") == model.transit
        assert await road.account("shrink") == model.lost - model.gained
