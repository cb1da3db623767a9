"""The measurements of `hylde bench --tills`: an ordinary day, a backlog, a night's lines."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

from service.bench import commands as world_of
from service.bench.formats import Target, Tills, heartbeat, receipts_of
from service.bench.reads import machine, worker_cpu_seconds, worker_mb
from service.bench.rules import figure_of
from service.bench.types import RECEIPT_LINES, TILLS, Measured, TillsReport
from service.cli.load import Load
from service.cli.measure import Run, all_ok, bench_token
from service.db import OwnerSession
from service.embedded import Server
from service.invariants import count_violations

BACKLOG, BACKLOG_HOURS, BACKLOG_REQUEST = 400, 6, 100
OTHERS_PER_SECOND, OTHERS_SECONDS = 40.0, 12.0
DAY_TILLS, DAY_RECEIPTS_PER_MINUTE, DAY_HEARTBEATS_PER_MINUTE = 120, 2, 1
NIGHT_SECONDS = 10.0


async def measure_tills(
    run: Run, lines: int, server: Server, pid: int, port: int
) -> tuple[TillsReport, list[str]]:
    """All of it: the report, and what was wrong, one sentence each."""
    token = await bench_token(server.app_dsn)
    owner = await OwnerSession.connect(server.owner_dsn)
    target = Target("127.0.0.1", port, token)
    try:
        bench = TillBench(run, owner, Load("127.0.0.1", port, TILLS), target, pid)
        report = await bench.report(lines)
        broken = await count_violations(server.owner_dsn + "&work_mem=256MB")
        bench.wrong += [f"check: {name} has {n} rows" for name, n in broken.items() if n]
        return report, bench.wrong
    finally:
        await owner.close()


class TillBench:
    """One run."""

    def __init__(self, run: Run, owner: OwnerSession, load: Load, target: Target, pid: int) -> None:
        """`pid` is the supervisor of the service's worker."""
        self.run = run
        self.owner = owner
        self.load = load
        self.target = target
        self.pid = pid
        self.wrong: list[str] = []
        self.gtins: list[str] = []
        self.sequences = Counter[str]()

    async def report(self, lines: int) -> TillsReport:
        """Fill, measure, verify."""
        day = [f"day-{number}" for number in range(DAY_TILLS)]
        await all_ok(self.load, list(world_of.places(self.target)))
        names = [*day, "backlog", *world_of.tills()]
        await all_ok(self.load, list(world_of.terminals(self.target, names)))
        world = await world_of.fill(self.owner, self.run.levels, 1, self.run.tell)
        await world_of.age_log(self.owner)
        self.gtins = world.gtins
        steady = await self._day(day)
        backlog = await self._backlog(day)
        night = await self._night(lines)
        await self._verify()
        told = await machine(self.owner)
        return TillsReport(machine=told, ratios={**steady, **backlog, **night})

    def _note(self, name: str, measured: Measured) -> None:
        for status, times in measured.statuses.items():
            if status != 200:  # noqa: PLR2004 - every till is answered so
                self.wrong.append(f"{name}: {times} answers were {status}")

    def _sales(self, names: list[str], per_heartbeat: int) -> Iterator[bytes]:
        """One receipt of each till in turn, as of now; after some of them a heartbeat."""
        for number in count():
            name = names[number % len(names)]
            self.sequences[name] += 1
            sold = [(self.sequences[name], datetime.now(UTC))]
            yield receipts_of(self.target, name, sold, self.gtins)
            if per_heartbeat and number % per_heartbeat == 0:
                yield heartbeat(self.target, name, datetime.now(UTC), self.sequences[name])

    async def _day(self, names: list[str]) -> dict[str, float]:
        """What an ordinary day costs: processor time of the web worker, as a share of a core."""
        seconds = self.run.seconds
        receipts = len(names) * DAY_RECEIPTS_PER_MINUTE / 60
        beats = len(names) * DAY_HEARTBEATS_PER_MINUTE / 60
        self.run.tell(f"{len(names)} tills, {receipts:g} receipts/s, for {seconds:g} s")
        sales = self._sales(names, int(receipts / beats))
        before, started = worker_cpu_seconds(self.pid), time.perf_counter()
        measured = await self.load.paced(lambda _: next(sales), receipts + beats, seconds)
        used = worker_cpu_seconds(self.pid) - before
        self._note("day", measured)
        figure = figure_of([measured], TILLS)
        return {
            "day_core_share": round(used / (time.perf_counter() - started), 4),
            "day_p99_ms": figure.p99_ms,
        }

    async def _backlog(self, names: list[str]) -> dict[str, float]:
        """A till comes back after hours, while the others go on."""
        self.run.tell(f"{BACKLOG} receipts of {BACKLOG_HOURS} h, others {OTHERS_PER_SECOND:g}/s")
        sales = self._sales(names, 0)
        paced = asyncio.create_task(
            self.load.paced(lambda _: next(sales), OTHERS_PER_SECOND, OTHERS_SECONDS)
        )
        await asyncio.sleep(OTHERS_SECONDS / 4)
        now = datetime.now(UTC)
        step = timedelta(hours=BACKLOG_HOURS) / BACKLOG
        sold = [(n, now - step * (BACKLOG - n + 1)) for n in range(1, BACKLOG + 1)]
        till = Load(self.target.host, self.target.port, 1)
        started = time.perf_counter()
        await all_ok(
            till,
            [
                receipts_of(self.target, "backlog", sold[at : at + BACKLOG_REQUEST], self.gtins)
                for at in range(0, BACKLOG, BACKLOG_REQUEST)
            ],
        )
        took = time.perf_counter() - started
        measured = await paced
        self._note("others", measured)
        return {
            "backlog_seconds": round(took, 2),
            "others_p99_ms": figure_of([measured], TILLS).p99_ms,
        }

    async def _night(self, lines: int) -> dict[str, float]:
        """Many lines in full requests: the rate at first and of all, and the largest memory."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        make = Tills(self.target, world_of.tills(), self.gtins, now).next_of
        await self.load.closed(make, 1.0, 0.0)
        first_mb = peak_mb = worker_mb(self.pid)
        rates: list[float] = []
        done = 0
        while done < lines:
            seconds = min(NIGHT_SECONDS, self.run.seconds)
            measured = await self.load.closed(make, seconds, 0.0)
            self._note("night", measured)
            done += sum(measured.statuses.values()) * RECEIPT_LINES
            rates.append(figure_of([measured], TILLS, RECEIPT_LINES).per_second)
            peak_mb = max(peak_mb, worker_mb(self.pid))
            self.run.tell(f"night: {done:,} lines, {rates[-1]:,.0f}/s, {peak_mb} MB")
        mean = sum(rates) / len(rates)
        return {
            "night_lines": done,
            "night_per_second": round(mean, 1),
            "night_first_per_second": rates[0],
            "night_of_first": round(mean / rates[0], 3),
            "night_start_mb": first_mb,
            "night_peak_mb": peak_mb,
        }

    async def _verify(self) -> None:
        """Every receipt that was answered is there, and no number is missing that was sent."""
        rows = await self.owner.rows(
            "select r.terminal, count(*)::bigint as receipts, max(r.sequence) as highest"
            " from pos.receipt r where r.status = 'posted' and r.terminal like 'bench-%'"
            " group by r.terminal having count(*) <> max(r.sequence)"
        )
        self.wrong += [
            f"{row['terminal']}: {row['receipts']} posted of {row['highest']}" for row in rows
        ]
        found = await self.owner.value(
            "select count(*)::bigint from pos.receipt where terminal = 'backlog'"
            " and status = 'posted'"
        )
        if found != BACKLOG:
            self.wrong.append(f"backlog: {found} of {BACKLOG} receipts posted")
