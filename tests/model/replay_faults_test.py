"""Recorded sales told by tills that misbehave end as the same sales told in order do (I7-I11, R17).

Each run has a database of its own, copied from one that holds places, items and opening stock.
`HYLDE_MODEL_SEEDS` says how many seeds are played; a failure names its seed.
"""

import json
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
import pytest_asyncio
from click import ClickException
from click.testing import CliRunner
from msgspec.structs import replace as changed

from service.access.commands import create_key
from service.app import build_app
from service.cli.replay import command as replay
from service.cli.state import _same as same
from service.db import Db
from service.faults.commands import FaultyPlayer
from service.faults.formats import HEADER
from service.faults.reads import end_state
from service.faults.rules import LOST_BATCHES_MAX, Dice, _Place, differences, planned, sendings
from service.faults.types import FAULTS, Beat, Close, Correct, Deliver, Fault, Planned
from service.invariants import count_violations
from service.migrate import migrate
from service.replay.commands import Player, load_world
from service.replay.formats import read_invoices
from service.replay.reads import Answer, PlayError, Wire
from service.replay.rules import derive, plan
from service.replay.types import Options, Plan, PlayedReceipt, ReadReport, Tally
from service.settings import Settings
from service.terminals.jobs import watch_terminals

SAMPLE = Path(__file__).parent.parent / "data" / "online_retail_sample.csv.zst"
SEEDS = range(1, 1 + int(os.environ.get("HYLDE_MODEL_SEEDS", "8")))
PLACES = frozenset(("s01", "s05", "s10"))
RECEIPTS = 300
EVERY = frozenset(FAULTS)
ZONE = ZoneInfo("Europe/Copenhagen")


@pytest.fixture(scope="module")
def the_plan() -> Plan:
    """The sample's invoices of three places with two tills each."""
    with SAMPLE.open("rb") as stream:
        invoices = [
            invoice
            for invoice in read_invoices(stream, ReadReport())
            if derive(invoice).location in PLACES
        ]
    return plan(invoices[:RECEIPTS])


class World:
    """A service on a database of its own, and a wire to it."""

    def __init__(self, client: httpx.AsyncClient, db: Db, owner_dsn: str, token: str) -> None:
        self.client, self.db, self.owner_dsn, self.token = client, db, owner_dsn, token

    def wire(self) -> Wire:
        return Wire(self.send, patience=20)

    async def send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        headers = {**headers, "Authorization": f"Bearer {self.token}"}
        reply = await self.client.request(method, path, content=body, headers=headers)
        return Answer(reply.status_code, reply.content)

    async def state(self) -> list[str]:
        return [line async for line in end_state(self.owner_dsn)]

    async def tills(self) -> list[dict[str, Any]]:
        """Every till, as GET /v1/pos/terminals tells it after the jobs have run."""
        await watch_terminals(self.db)
        answer = await self.wire().must("GET", "/v1/pos/terminals?limit=200")
        items: list[dict[str, Any]] = json.loads(answer.body)["items"]
        return items

    async def holds_together(self) -> None:
        broken = await count_violations(self.owner_dsn)
        assert not {name: rows for name, rows in broken.items() if rows}


@asynccontextmanager
async def serving(addresses: tuple[str, str]) -> AsyncIterator[World]:
    """A service in process on a database."""
    db = Db(addresses[1])
    app = build_app(Settings(rate_limit=0), db)
    await db.open()
    ends = datetime.now(UTC) + timedelta(days=1)
    token = await create_key(db, "player", ["admin"], None, ends)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://hylde.test") as client:
            yield World(client, db, addresses[0], token)
    finally:
        await db.close()


class Worlds:
    """Makes worlds: copies of one in which nothing was sold yet."""

    def __init__(self, server: tuple[str, str], maker: asyncpg.Connection) -> None:
        self.server, self.maker = server, maker
        self.first = f"faults_{secrets.token_hex(4)}"
        self.names: list[str] = []

    def addresses(self, name: str) -> tuple[str, str]:
        owner, app = (urlunsplit(urlsplit(dsn)._replace(path=f"/{name}")) for dsn in self.server)
        return owner, app

    async def make(self, the_plan: Plan, options: Options) -> None:
        self.names.append(self.first)
        await self.maker.execute(f"create database {self.first}")
        await migrate(*self.addresses(self.first))
        async with serving(self.addresses(self.first)) as world:
            await load_world(world.wire(), the_plan, options)

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[World]:
        name = f"faults_{secrets.token_hex(4)}"
        await self.maker.execute(f"create database {name} template {self.first}")
        self.names.append(name)
        async with serving(self.addresses(name)) as world:
            yield world


@pytest_asyncio.fixture(scope="module")
async def worlds(server: tuple[str, str], the_plan: Plan) -> AsyncIterator[Worlds]:
    maker = await asyncpg.connect(server[0])
    made = Worlds(server, maker)
    await made.make(the_plan, Options())
    yield made
    for name in made.names:
        await maker.execute(f"drop database {name}")
    await maker.close()


@pytest_asyncio.fixture(scope="module")
async def clean(worlds: Worlds, the_plan: Plan) -> list[str]:
    """How it ends when every till sends in order."""
    async with worlds.copy() as world:
        tally = await Player(world.wire(), the_plan, Options(offline_share=0.0)).play()
        assert tally.refusals == {}
        await world.holds_together()
        return await world.state()


async def played(world: World, the_plan: Plan, seed: int, **of: bool) -> Tally:
    options = Options(seed=seed, **of)
    return await FaultyPlayer(world.wire(), the_plan, options, EVERY).play()


def told(clean: list[str], here: list[str]) -> str:
    found = list(differences(clean, here))
    return "\n".join(f"{one.key!r}: {one.clean} -> {one.here}" for one in found[:20])


def test_the_cut_has_what_a_shop_has(the_plan: Plan) -> None:
    """Sales, returns with and without their sale, corrections, two tills in each shop."""
    assert set(the_plan.terminals.values()) == PLACES
    assert len(the_plan.terminals) == 6
    assert the_plan.counts["return_receipts"] > 10
    assert the_plan.counts["linked_returns"] > 5
    assert the_plan.counts["movements"] > 10


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_the_tills_do_the_world_ends_as_a_clean_replay_does(
    worlds: Worlds, clean: list[str], the_plan: Plan, seed: int
) -> None:
    """Row by row: balances, claims, receipts, sale lines, open items (I11)."""
    async with worlds.copy() as world:
        tally = await played(world, the_plan, seed)
        assert tally.refusals == {}, f"seed {seed}"
        receipts = sum(isinstance(step, PlayedReceipt) for step in the_plan.steps)
        assert tally.receipts <= receipts
        assert tally.faults["batches sent twice"] > 0
        assert tally.faults["heartbeats"] > tally.faults["closings"] > 6
        tills = await world.tills()
        found = told(clean, await world.state())
        assert not found, f"seed {seed}:\n{found}"
        for till in tills:
            assert till["gaps"] == [], f"seed {seed}: {till}"
            assert till["closing"]["announced"] == till["closing"]["received"], f"seed {seed}"
            assert till["state"] == "reconciled", f"seed {seed}: {till}"
        await world.holds_together()


async def test_recorded_dates_can_be_played_again_with_other_faults(
    worlds: Worlds, the_plan: Plan
) -> None:
    async with worlds.copy() as world:
        await played(world, the_plan, 1, keep_dates=True)
        again = await FaultyPlayer(
            world.wire(), the_plan, Options(keep_dates=True, seed=2), EVERY - {"skew"}
        ).play()
        assert again.movements == 0
        with pytest.raises(PlayError, match="start from an empty one"):
            await played(world, the_plan, 3)


def test_a_state_that_differs_is_told_with_its_seed_and_its_first_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, here, bad = (tmp_path / name for name in ("clean.state", "here.state", "bad.state"))
    rows = ["balance\taar\tK1\tsellable\t4", "receipt\taar-1\t1\t7\tposted"]
    clean.write_text("\n".join([HEADER, *rows, ""]))
    here.write_text("\n".join([HEADER, rows[0].replace("4", "3"), rows[1], ""]))
    bad.write_text("something else\n")
    assert same(clean, clean, "seed 7")
    assert not same(clean, here, "seed 7")
    said = capsys.readouterr()
    assert "balance aar K1 sellable" in said.out
    assert "seed 7: 1 differences" in said.err
    with pytest.raises(ClickException, match="not a state that hylde wrote"):
        same(bad, here, "seed 7")


def test_a_fault_that_there_is_not_is_refused_with_the_list(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("")
    told = CliRunner().invoke(replay, [str(file), "--token", "t", "--faults", "lost,rain"])
    assert told.exit_code == 2
    assert "rain" in told.output
    assert all(fault in told.output for fault in FAULTS)


# the plan of what is sent, by itself


def streams(the_plan: Plan, seed: str, faults: frozenset[Fault]) -> dict[str, list[object]]:
    began = datetime(2026, 11, 21, 10, tzinfo=UTC)
    steps: dict[str, list[Planned]] = defaultdict(list)
    for location, one in planned(the_plan.steps, began, keep_dates=False):
        steps[location].append(one)
    return {
        place: list(sendings(of, f"{seed}|{place}", faults, ZONE)) for place, of in steps.items()
    }


def every(the_plan: Plan, seed: str, faults: frozenset[Fault]) -> Iterator[object]:
    for sent in streams(the_plan, seed, faults).values():
        yield from sent


@pytest.mark.parametrize("faults", [frozenset(), *(frozenset((one,)) for one in FAULTS), EVERY])
def test_nothing_is_forgotten_and_a_copy_is_the_same_to_the_letter(
    the_plan: Plan, faults: frozenset[Fault]
) -> None:
    for seed in range(20):
        first: Counter[tuple[str, int]] = Counter()
        bodies: dict[tuple[str, int], object] = {}
        for one in every(the_plan, str(seed), faults):
            if isinstance(one, Deliver):
                first.update(played.key for played in one.receipts if one.first)
                for played in one.receipts:
                    assert bodies.setdefault(played.key, played.receipt) == played.receipt
        assert set(first.values()) == {1}
        assert set(first) == {s.key for s in the_plan.steps if isinstance(s, PlayedReceipt)}


def test_the_same_seed_sends_the_same_and_another_one_does_not(the_plan: Plan) -> None:
    assert streams(the_plan, "7", EVERY) == streams(the_plan, "7", EVERY)
    assert streams(the_plan, "7", EVERY) != streams(the_plan, "8", EVERY)


def test_without_faults_every_till_sends_in_order_and_says_so(the_plan: Plan) -> None:
    last: Counter[str] = Counter()
    for one in every(the_plan, "1", frozenset()):
        if isinstance(one, Deliver):
            for played in one.receipts:
                assert played.key[1] == last[played.key[0]] + 1
                last[played.key[0]] += 1
        elif isinstance(one, Beat):
            assert one.skew_seconds == 0
            assert one.last_sequence >= last[one.terminal]


def test_closings_tell_every_receipt_of_every_day_once(the_plan: Plan) -> None:
    """The Z-counts of a till add up, and its days rise."""
    for seed in range(20):
        announced: Counter[str] = Counter()
        days: dict[str, list[object]] = defaultdict(list)
        for one in every(the_plan, str(seed), EVERY - {"skew"}):
            if isinstance(one, Close):
                announced[one.terminal] += one.receipts
                days[one.terminal].append(one.business_date)
                assert announced[one.terminal] == one.last_sequence
        assert set(announced) == set(the_plan.terminals)
        assert all(told == sorted(set(told)) for told in days.values())  # type: ignore[type-var]
        assert max(len(told) for told in days.values()) > 3


def test_staff_correct_each_thing_at_least_once(the_plan: Plan) -> None:
    sent = [one for one in every(the_plan, "1", EVERY) if isinstance(one, Correct)]
    steps = [step for step in the_plan.steps if not isinstance(step, PlayedReceipt)]
    assert sorted(one.correction.invoice for one in sent if one.first) == sorted(
        step.invoice for step in steps
    )


def test_what_is_kept_back_does_not_grow_with_the_length_of_a_file(the_plan: Plan) -> None:
    receipts = [s for s in the_plan.steps if isinstance(s, PlayedReceipt) and s.location == "s01"]
    place = _Place(Dice("1"), EVERY, ZONE)

    def long() -> Iterator[Planned]:
        for number in range(1, 20_001):
            one = receipts[number % len(receipts)]
            yield Planned(one.at, changed(one, receipt=changed(one.receipt, sequence=number)))

    most = 0
    for _ in place.play(long()):
        waiting = sum(len(batches) for batches in place.waiting.values())
        backlog = sum(len(till.backlog) for till in place.tills.values())
        most = max(most, waiting + len(place.lost) + backlog + len(place.outbox))
    assert LOST_BATCHES_MAX < most < 400


def test_two_states_are_compared_row_by_row() -> None:
    clean = ["a\tb\t1", "a\tc\t1", "a\te\t5", "b\tx\t1"]
    here = ["a\tb\t1", "a\tc\t2", "a\td\t1", "b\tx\t1"]
    assert list(differences(clean, here)) == [
        ("a\tc", "1", "2"),
        ("a\td", None, "1"),
        ("a\te", "5", None),
    ]
    assert list(differences(clean, clean)) == []
