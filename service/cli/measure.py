"""The measurements of `hylde bench`, one after the other, against a service that runs."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from service.access.commands import create_key
from service.bench import commands as world_of
from service.bench.formats import (
    LINES_OF_RECEIPT,
    RECEIPTS,
    Target,
    Tills,
    hold_script,
    holds,
    receipt_script,
)
from service.bench.reads import BenchFailedError, machine, pgbench, worker_mb
from service.bench.rules import compare, figure_of
from service.bench.types import (
    BATCH,
    CLIENTS,
    RECEIPT_LINES,
    STORES,
    TILLS,
    Database,
    Figure,
    Measured,
    Report,
)
from service.cli.load import Load, Maker
from service.db import Db, OwnerSession
from service.embedded import Server, bin_dir
from service.invariants import count_violations

WARM_SECONDS = 1.0
SCENARIOS = ("noop", "availability", "holds_hot", "holds_spread", "receipts")
EXPECTED = {
    "noop": 201,
    "availability": 200,
    "holds_hot": 201,
    "holds_spread": 201,
    "receipts": 200,
}
DIRECT_GTINS = 400
ROUNDS = 3
SEQUENCES_OF_ROUND = 10_000_000  # of a till: more than pgbench posts in a round
PER_CALL = {"holds_batch": BATCH, "receipts": RECEIPT_LINES}
DRAINED_STOCK, DRAIN_REQUESTS = 500, 1_500


class Run(NamedTuple):
    """What is asked for; `tell` shows progress."""

    seconds: float
    levels: int
    tell: Callable[[str], None]


async def measure(run: Run, server: Server, pid: int, port: int) -> tuple[Report, list[str]]:
    """All of it: the report, and what was wrong (oversold, failed, broken), one sentence each."""
    token = await bench_token(server.app_dsn)
    owner = await OwnerSession.connect(server.owner_dsn)
    load = Load("127.0.0.1", port, CLIENTS)
    try:
        bench = Bench(run, server, owner, load, Target("127.0.0.1", port, token), pid)
        return await bench.report(), bench.wrong
    finally:
        await owner.close()


async def bench_token(dsn: str) -> str:
    """A token for all that is measured."""
    db = Db(dsn, size=2)
    await db.open()
    try:
        scopes = ["reservations:write", "availability:read", "locations:write", "pos:write"]
        return await create_key(db, "bench", scopes, None, datetime.now(UTC) + timedelta(days=1))
    finally:
        await db.close()


async def all_ok(load: Load, requests: list[bytes]) -> None:
    """Ask each once.

    Raises:
        BenchFailedError: one was not taken.
    """
    for answer in await load.each(requests):
        if answer.status not in (200, 201):
            raise BenchFailedError(f"{answer.status}: {answer.body[:300]!r}")


class Bench:
    """One run."""

    def __init__(
        self, run: Run, server: Server, owner: OwnerSession, load: Load, target: Target, pid: int
    ) -> None:
        """`pid` is the supervisor of the service's worker."""
        self.run = run
        self.server = server
        self.owner = owner
        self.load = load
        self.target = target
        self.pid = pid
        self.warm = min(WARM_SECONDS, run.seconds)
        self.wrong: list[str] = []
        self.peak_mb = 0.0
        self.statuses: dict[str, Counter[int]] = {}

    async def report(self) -> Report:
        """Fill, measure, verify."""
        idle_mb = worker_mb(self.pid)
        world = await self._fill()
        makers = self._makers(world)
        # before pgbench, whose hundreds of thousands of rows keep vacuum busy for a while
        half = await self._half(makers["holds_hot"])
        figures, direct = await self._in_rounds(makers, world)
        await self._verify_hot()
        database = Database(await self._single(world), **direct)
        await self._drain()
        await self._verify_receipts()
        check_seconds = await self._check()
        told = await machine(self.owner)
        ratios: dict[str, float | Figure] = {
            **compare(figures, database, half),
            "holds_hot_half": half,
            "worker_idle_mb": idle_mb,
            "worker_loaded_mb": self.peak_mb,
            "check_seconds": check_seconds,
        }
        told["stock_levels"] = self.run.levels
        told["seconds"] = self.run.seconds
        return Report(machine=told, **figures, database=database, ratios=ratios)

    async def _fill(self) -> world_of.World:
        self.run.tell(f"making {self.run.levels:,} stock levels")
        started = time.perf_counter()
        await all_ok(self.load, list(world_of.places(self.target)))
        await all_ok(self.load, list(world_of.terminals(self.target, world_of.all_tills())))
        world = await world_of.fill(self.owner, self.run.levels, DRAINED_STOCK, self.run.tell)
        await world_of.age_log(self.owner)
        self.run.tell(f"made in {time.perf_counter() - started:.1f} s")
        return world

    def _makers(self, world: world_of.World) -> dict[str, Maker]:
        """What each scenario asks."""
        target = self.target
        hot = [(world_of.PLACE, world_of.HOT)]
        ask = target.get(
            f"/v1/availability/{world.skus[0]}?near=55.1,12.0&radius_km=100&limit={STORES}"
        )
        noop = holds(target, "noop-", hot, "/v1/bench/noop")
        on_hot = holds(target, "hot-", hot)
        spread = holds(target, "spread-", world.pairs())
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return {
            "noop": lambda _: next(noop),
            "availability": lambda _: ask,
            "holds_hot": lambda _: next(on_hot),
            "holds_spread": lambda _: next(spread),
            "receipts": Tills(target, world_of.tills(), world.gtins, now).next_of,
        }

    async def _in_rounds(
        self, makers: dict[str, Maker], world: world_of.World
    ) -> tuple[dict[str, Figure], dict[str, Figure]]:
        """Every scenario and the database's own rate, in rounds.

        What else the machine does in half a minute hits all of them alike: measured one after the
        other, the parts of a ratio were off by up to 40 % on a busy machine.
        """
        rounds = ROUNDS if self.run.seconds >= ROUNDS else 1
        runs: dict[str, list[Measured]] = {name: [] for name in SCENARIOS}
        direct: dict[str, dict[int, list[Measured]]] = {"holds_batch": {}, "receipts": {}}
        for number in range(rounds):
            self.run.tell(f"round {number + 1} of {rounds}")
            for name in SCENARIOS:
                measured = await self.load.closed(
                    makers[name], self.run.seconds / rounds, self.warm, self._clients(name)
                )
                self._note(name, measured)
                runs[name].append(measured)
                self.run.tell(f"{name}: {self._figure(name, [measured]).per_second:,.0f}/s")
            for name, found in direct.items():
                for clients in world_of.DIRECT_CLIENTS:
                    measured = await self._direct(name, clients, number, world, rounds)
                    found.setdefault(clients, []).append(measured)
        return (
            {name: self._figure(name, found) for name, found in runs.items()},
            {name: _best(found, PER_CALL[name]) for name, found in direct.items()},
        )

    async def _direct(
        self, name: str, clients: int, number: int, world: world_of.World, rounds: int
    ) -> Measured:
        """One round of pgbench with the very function that the lane calls, in full batches."""
        variables: tuple[str, ...] = ()
        if name == "receipts":
            prefix = world_of.direct_tills(clients)
            script = receipt_script(world.client_id, prefix, world.gtins[:DIRECT_GTINS])
            variables = (f"sequence={number * SEQUENCES_OF_ROUND}",)
        else:
            script = hold_script(world.client_id, world_of.PLACE, world_of.DIRECT, BATCH)
        return await self._pgbench(name, script, clients, self.run.seconds / rounds, *variables)

    def _clients(self, name: str) -> int:
        return TILLS if name == "receipts" else CLIENTS

    def _figure(self, name: str, runs: list[Measured]) -> Figure:
        per_answer = RECEIPT_LINES if name == "receipts" else 1
        return figure_of(runs, self._clients(name), per_answer)

    def _note(self, name: str, measured: Measured) -> None:
        """Keep what was answered; anything but the expected answer is wrong."""
        self.peak_mb = max(self.peak_mb, worker_mb(self.pid))
        self.statuses[name] = self.statuses.get(name, Counter()) + measured.statuses
        for status, times in measured.statuses.items():
            if status != EXPECTED[name]:
                self.wrong.append(f"{name}: {times} answers were {status}")

    async def _verify_hot(self) -> None:
        accepted = self.statuses["holds_hot"][EXPECTED["holds_hot"]]
        held = await world_of.held_of(self.owner, world_of.HOT)
        if held != (accepted, accepted):
            self.wrong.append(f"holds_hot: {accepted} accepted, but {held} held (level, claims)")

    async def _half(self, make: Maker) -> Figure:
        """Holds at half of the rate just reached, sent when due, whatever is answered."""
        seconds = self.run.seconds
        full = await self.load.closed(make, seconds / ROUNDS, self.warm)
        rate = self._figure("holds_hot", [full]).per_second / 2
        self.run.tell(f"holds_hot at half of its rate: {rate:,.0f}/s")
        warm = await self.load.paced(make, rate, self.warm)
        half = await self.load.paced(make, rate, seconds)
        for measured in (full, warm, half):
            self._note("holds_hot", measured)
        return figure_of([half], CLIENTS)

    async def _single(self, world: world_of.World) -> Figure:
        """64 connections, each with one hold on the hot item at a time."""
        script = hold_script(world.client_id, world_of.PLACE, world_of.DIRECT, 1)
        measured = await self._pgbench("holds_hot_single", script, CLIENTS, self.run.seconds / 2)
        return figure_of([measured], CLIENTS)

    async def _pgbench(
        self, name: str, script: str, clients: int, seconds: float, *variables: str
    ) -> Measured:
        # 64 connections plan for seconds before they are at full speed
        warm = min(self.run.seconds, 4.0 if clients == CLIENTS else 0.5)
        measured = await pgbench(
            bin_dir(), self.server.app_dsn, script, clients, seconds, warm, *variables
        )
        rate = figure_of([measured], clients, PER_CALL.get(name, 1)).per_second
        self.run.tell(f"database: {name}, {clients} clients: {rate:,.0f}/s")
        return measured

    async def _drain(self) -> None:
        """More are asked for than there are: exactly what is there is given, once."""
        self.run.tell(f"{DRAIN_REQUESTS} holds on {DRAINED_STOCK} units")
        asks = holds(self.target, "drain-", [(world_of.PLACE, world_of.DRAINED)])
        answers = await self.load.each([next(asks) for _ in range(DRAIN_REQUESTS)])
        statuses = Counter(answer.status for answer in answers)
        accepted = statuses[201]
        held = await world_of.held_of(self.owner, world_of.DRAINED)
        if (accepted, *held) != (DRAINED_STOCK,) * 3:
            self.wrong.append(f"drain: {accepted} of {DRAINED_STOCK} accepted, {held} held")
        if statuses[409] != DRAIN_REQUESTS - accepted:
            self.wrong.append(f"drain: answers were {dict(statuses)}")

    async def _verify_receipts(self) -> None:
        sent = self.statuses["receipts"][EXPECTED["receipts"]] * RECEIPTS
        rows = await self.owner.rows(
            "select count(*)::bigint as receipts, coalesce(sum(jsonb_array_length(body->'lines')),"
            " 0)::bigint as lines from pos.receipt where terminal like 'bench-%'"
            " and status = 'posted'"
        )
        found = (rows[0]["receipts"], rows[0]["lines"])
        if found != (sent, sent * LINES_OF_RECEIPT):
            self.wrong.append(f"receipts: {sent} answered, but {found} posted (receipts, lines)")

    async def _check(self) -> float:
        """Every invariant, as `hylde check` runs them."""
        self.run.tell("checking every invariant")
        started = time.perf_counter()
        # what was written a moment ago is joined with ten million levels: the planner must know it
        await self.owner.execute("analyze")
        broken = await count_violations(self.server.owner_dsn + "&work_mem=256MB")
        self.wrong += [f"check: {name} has {n} rows" for name, n in broken.items() if n]
        return round(time.perf_counter() - started, 1)


def _best(found: dict[int, list[Measured]], per_call: int) -> Figure:
    """The highest rate among the numbers of clients."""
    figures = [figure_of(runs, clients, per_call) for clients, runs in found.items()]
    return max(figures, key=lambda figure: figure.per_second)
