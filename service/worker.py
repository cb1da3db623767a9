"""Composition root for time: pool → scheduler → every domain's JOBS.

One process beside the web workers. No table of job runs fences a slot: every job here is a sweep
over rows in bounded, repeatable steps that skip or re-check what another run took (each jobs.py
says how), so two schedulers only share the work. A job that may run once only brings its fence.
"""

import asyncio
import signal
import time
from datetime import UTC, datetime

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from service.counts.jobs import JOBS as COUNTS
from service.db import CannotConnectError, Db, RolledBackError
from service.events.jobs import JOBS as EVENTS
from service.exceptions.jobs import JOBS as EXCEPTIONS
from service.invariants import count_violations
from service.lanes import LaneError
from service.log import log
from service.pos.jobs import JOBS as POS
from service.reservations.jobs import JOBS as RESERVATIONS
from service.schedule import Job
from service.settings import Settings
from service.stock.jobs import JOBS as STOCK
from service.terminals.jobs import JOBS as TERMINALS
from service.transfers.jobs import JOBS as TRANSFERS
from service.web.jobs import JOBS as WEB
from service.web.metrics import INVARIANTS
from service.web.metrics import JOBS as RUNS

POOL_SIZE = 3
FINISH_SECONDS = 10.0  # for the runs that are under way at the end; all of them can be repeated
# the database is away or busy: said in one line, and the next run tries again
_EXPECTED = (LaneError, CannotConnectError, RolledBackError, TimeoutError, OSError)


def jobs(settings: Settings) -> tuple[Job, ...]:
    """Every domain's jobs, and the invariants."""
    dsn = settings.owner_database_url or settings.database_url or ""

    async def check_invariants(_: Db) -> int:
        """Count what is broken. Read-only, so any number may run at once."""
        counts = await count_violations(dsn)
        for name, count in counts.items():
            INVARIANTS.labels(name).set(count)
            if count:
                log.error("invariant_broken", invariant=name, rows=count)
        return sum(counts.values())

    check = Job("check_invariants", settings.check_minutes * 60.0, check_invariants, 1800.0)
    return (
        *COUNTS,
        *EXCEPTIONS,
        *POS,
        *RESERVATIONS,
        *STOCK,
        *TRANSFERS,
        *TERMINALS,
        *EVENTS,
        *WEB,
        check,
    )


class Runner:
    """Runs jobs, and knows which are under way."""

    def __init__(self, db: Db) -> None:
        """`db` is open."""
        self._db = db
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, job: Job) -> None:
        """One run: a line, a count, and never an exception."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for mypy: a coroutine always runs in a task
        self._under_way.add(task)
        started = time.perf_counter()
        outcome, done = "ok", 0
        try:
            async with asyncio.timeout(job.seconds_max):
                done = await job.run(self._db)
        except _EXPECTED as error:
            outcome = "failed"
            log.warning("job_failed", job=job.name, reason=f"{type(error).__name__}: {error}")
        except Exception:  # noqa: BLE001 - a bug in one job must not stop the others
            outcome = "broken"
            log.exception("job_broken", job=job.name)
        finally:
            self._under_way.discard(task)
        RUNS.labels(job.name, outcome).inc()
        # a sweep that found nothing is said on request only: there are 17,000 of them a day
        say = log.info if done or outcome != "ok" else log.debug
        milliseconds = round((time.perf_counter() - started) * 1000, 2)
        say("job", job=job.name, outcome=outcome, done=done, ms=milliseconds)

    async def finish(self) -> None:
        """Wait for what is under way, for a while."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=FINISH_SECONDS)


def scheduler_of(runner: Runner, every: tuple[Job, ...]) -> AsyncIOScheduler:
    """A scheduler with the jobs; not started."""
    scheduler = AsyncIOScheduler(
        timezone=UTC,
        jobstores={"default": MemoryJobStore()},
        executors={"default": AsyncIOExecutor()},
        # a run that comes late still comes, many missed ones come as one, and never two at once
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    for job in every:
        trigger = IntervalTrigger(seconds=job.seconds, timezone=UTC)
        now = datetime.now(UTC)
        scheduler.add_job(runner.run, trigger, (job,), id=job.name, next_run_time=now)
    return scheduler


async def work(settings: Settings, stopping: asyncio.Event | None = None) -> None:
    """Run the jobs until SIGTERM, SIGINT or `stopping`; the database may come and go."""
    stop = stopping or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    db = Db(settings.database_url or "", size=POOL_SIZE)
    await db.open()
    runner = Runner(db)
    every = jobs(settings)
    scheduler = scheduler_of(runner, every)
    scheduler.start()
    log.info("working", jobs=[job.name for job in every])
    await stop.wait()
    scheduler.pause()
    await runner.finish()
    scheduler.shutdown(wait=False)
    await db.close()
