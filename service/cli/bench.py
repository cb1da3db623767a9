"""`hylde bench`: measures this machine with a service and a database of its own."""

import asyncio
import contextlib
import gc
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import rich_click as click
import uvloop
from rich.console import Console
from rich.table import Table

from service.bench.reads import BenchFailedError
from service.bench.rules import verdicts
from service.bench.types import TILL_TARGETS, Figure, Report, TillsReport
from service.cli.database import start
from service.cli.measure import Run, measure
from service.cli.measure_tills import measure_tills
from service.embedded import Server, data_dir_default, ensure, stop
from service.log import set_up_logging
from service.migrate import migrate

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0


class Api(NamedTuple):
    """The service as a child process: its supervisor, its address, how long its start took."""

    pid: int
    port: int
    start_seconds: float


@click.command("bench")
@click.option("--json", "as_json", is_flag=True, help="Machine output on stdout.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.5, 600),
    help="How long each figure is measured. [default: 5; with --tills 60]",
)
@click.option(
    "--levels",
    type=click.IntRange(100, 50_000_000),
    default=100_000,
    show_default=True,
    help="Stock levels in the database before the measuring starts.",
)
@click.option(
    "--tills",
    is_flag=True,
    help="Measure tills instead: a till back after hours, an ordinary minute, a night's lines.",
)
@click.option(
    "--lines",
    type=click.IntRange(100, 100_000_000),
    default=1_000_000,
    show_default=True,
    help="With --tills: lines of the night.",
)
@click.option("--keep", is_flag=True, help="Keep the data folder.")
def command(
    *, as_json: bool, seconds: float | None, levels: int, tills: bool, lines: int, keep: bool
) -> int:
    """Measure this machine: holds, availability, receipts, and the database's own limit.

    Runs its own service (one worker, HYLDE_BENCH=1, rate and hold limits off) on its own bundled
    PostgreSQL in a scratch folder beside the data folder; 64 connections from this process share
    the machine with both. Exit 1 when a unit was sold twice, a request failed or an invariant is
    broken; never for being slow.

    \b
    Examples:
      hylde bench
      hylde bench --json --seconds 10 > bench.json
      hylde bench --levels 10000000
      hylde bench --tills
    """  # noqa: D301 - \b is click's
    run = Run(seconds=seconds or (60.0 if tills else 5.0), levels=levels, tell=_tell)
    settings = start()
    set_up_logging("warning", settings.log_format)
    _tell("its own service: one worker, HYLDE_BENCH=1, rate and hold limits off")
    try:
        with _server(settings.folder() or data_dir_default(), keep=keep) as server:
            asyncio.run(migrate(server.owner_dsn, server.app_dsn))
            with _api(server.data_dir) as api:
                # the collector's search through all modules would be told as the service's tail
                gc.collect()
                gc.freeze()
                report: Report | TillsReport
                if tills:
                    report, wrong = uvloop.run(measure_tills(run, lines, server, api.pid, api.port))
                else:
                    report, wrong = uvloop.run(measure(run, server, api.pid, api.port))
        report.ratios["start_seconds"] = api.start_seconds
    except (BenchFailedError, ConnectionError) as error:
        print(f"hylde: {error}", file=sys.stderr)
        return 1
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        _show(report)
    for line in wrong:
        print(f"hylde: {line}", file=sys.stderr)
    return 1 if wrong else 0


def _tell(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


@contextmanager
def _server(data_dir: Path, *, keep: bool) -> Iterator[Server]:
    """A bundled server in a new folder beside the data folder: on the same disk as real data."""
    folder = data_dir.with_name(f"hylde-bench-{secrets.token_hex(4)}")
    try:
        server = ensure(folder)
        try:
            yield server
        finally:
            stop(server)
    finally:
        if keep:
            _tell(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _api(data_dir: Path) -> Iterator[Api]:
    """`hylde api` with one worker on a free port; its log lines go to a file, as they would."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HYLDE_")}
    environment = {
        **kept,
        "HYLDE_DATA_DIR": str(data_dir),
        "HYLDE_BENCH": "1",
        "HYLDE_RATE_LIMIT": "0",
        "HYLDE_HOLDS_PER_CLIENT": "1000000000",
    }
    log = data_dir / "service.log"
    started = time.perf_counter()
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "service", "api", "--port", "0"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=output,
            cwd=Path(__file__).parents[2],
        )
    try:
        port = _port(child, log)
        yield Api(child.pid, port, round(time.perf_counter() - started, 2))
    finally:
        child.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS_MAX)
        child.kill()
        child.wait()


def _port(child: subprocess.Popen[bytes], log: Path) -> int:
    """Where it listens, as soon as it answered."""
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until and child.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("listening on "):
                return int(line.rpartition(":")[2])
        time.sleep(0.01)
    raise BenchFailedError(f"the service did not start: {log.read_text()[-500:]}")


def _show(report: Report | TillsReport) -> None:
    """Tables for people."""
    console = Console()
    console.print(", ".join(f"{name} {value}" for name, value in report.machine.items()))
    if isinstance(report, Report):
        console.print(_rates(report))
        console.print(_targets(verdicts(report.ratios)))
    else:
        console.print(", ".join(f"{name} {value:g}" for name, value in report.ratios.items()))
        console.print(_targets(verdicts(report.ratios, TILL_TARGETS)))


def _rates(report: Report) -> Table:
    rates = Table(title="Rates", title_justify="left")
    for name in ("", "per second", "p50 ms", "p99 ms", "clients"):
        rates.add_column(name, justify="right" if name else "left")
    figures = {
        name: getattr(report, name)
        for name in ("noop", "availability", "holds_hot", "holds_spread", "receipts")
    }
    figures |= {
        f"database: {name}": getattr(report.database, name)
        for name in report.database.__struct_fields__
    }
    figures |= {k: v for k, v in report.ratios.items() if isinstance(v, Figure)}
    for name, figure in figures.items():
        rates.add_row(
            name,
            f"{figure.per_second:,.0f}",
            f"{figure.p50_ms:.1f}",
            f"{figure.p99_ms:.1f}",
            str(figure.clients),
        )
    return rates


def _targets(found: list[tuple[str, float, str, bool]]) -> Table:
    targets = Table(title="Targets", title_justify="left")
    for name in ("", "reached", "wanted", ""):
        targets.add_column(name, justify="right" if name else "left")
    for name, reached, wanted, met in found:
        targets.add_row(name, f"{reached:,g}", wanted, "yes" if met else "[red]no[/red]")
    return targets
