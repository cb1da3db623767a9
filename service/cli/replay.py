"""`hylde replay`: plays recorded sales into a running service, as tills would."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from service.cli.state import judge
from service.faults.commands import FaultyPlayer
from service.faults.types import FAULTS, Fault
from service.replay.commands import Player, load_world
from service.replay.formats import read_invoices
from service.replay.reads import connect
from service.replay.rules import plan
from service.replay.types import Options, Plan, ReadReport, Tally

TERMINALS_MAX = 50


class _Speed(click.ParamType[float]):
    name = "SPEED"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            speed = 0.0 if value == "max" else float(str(value))
        except ValueError:
            speed = -1.0
        if not 0 <= speed < float("inf"):
            self.fail("a number of at least 0, or max", param, ctx)
        return speed


class _Faults(click.ParamType[frozenset[Fault]]):
    name = "LIST"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[Fault]:
        if isinstance(value, frozenset):
            return value
        words = [word.strip() for word in str(value).split(",") if word.strip()]
        wanted = frozenset(FAULTS if words == ["all"] else words)
        if unknown := wanted - set(FAULTS):
            said = ", ".join(sorted(unknown))
            self.fail(f"{said}: not one of {', '.join(FAULTS)}, or all", param, ctx)
        return frozenset(fault for fault in FAULTS if fault in wanted)


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The service.")
@click.option("--token", required=True, envvar="HYLDE_TOKEN", help="Or the variable HYLDE_TOKEN.")
@click.option(
    "--terminal-per-location",
    "terminals",
    type=click.IntRange(1, TERMINALS_MAX),
    default=2,
    show_default=True,
    help="Tills in each shop.",
)
@click.option(
    "--speed",
    type=_Speed(),
    default="max",
    show_default=True,
    help="Recorded seconds a second; 0 or max: as fast as it goes.",
)
@click.option("--keep-dates", is_flag=True, help="Keep the recorded times (needs pos:backfill).")
@click.option(
    "--offline-share",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of receipts that a till rings up while it is offline (without --faults).",
)
@click.option("--seed", default=1, show_default=True, help="Of silent spells and of faults.")
@click.option(
    "--faults",
    type=_Faults(),
    default="",
    metavar="LIST",
    help=f"What goes wrong: all, or some of {', '.join(FAULTS)}, with commas between.",
)
@click.option(
    "--write-state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Afterwards write the end state to this file, as hylde state does.",
)
@click.option(
    "--compare-state",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Afterwards compare the end state with this file's, row by row; exit 1 if they differ.",
)
@click.option("--limit-invoices", type=click.IntRange(1), help="Only the first ones of the file.")
@click.option("--sales-only", is_flag=True, help="Places, items and stock are there already.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
def command(
    file: Path,
    url: str,
    token: str,
    terminals: int,
    speed: float,
    keep_dates: bool,  # noqa: FBT001 - click's
    offline_share: float,
    seed: int,
    faults: frozenset[Fault],
    write_state: Path | None,
    compare_state: Path | None,
    limit_invoices: int | None,
    sales_only: bool,  # noqa: FBT001 - click's
    as_json: bool,  # noqa: FBT001 - click's
) -> None:
    """Play recorded sales into a running service, as tills would.

    FILE is a CSV in the form of UCI Online Retail, plain, zstd or gzip. Loads twelve shops, the
    webshop, the items and the smallest opening stock that the sales need; then every till sends
    its receipts in order, falls silent now and then, and asks again when an answer is lost. What
    the service has already is not sold twice; play a file again with the same client, as staff's
    corrections are recognised by it. Exit 1 when a receipt or a movement was refused.

    The token needs locations:write, catalog:write, stock:write, pos:write and pos:backfill.

    With --faults everything goes wrong that tills and networks can do, always the same by --seed:
    backlogs after silent spells, receipts sent twice, changed orders, wrong clocks, batches that
    are lost and come at the end. Heartbeats and closings are sent too. Start from an empty service,
    or keep dates. It must end as a clean replay ends: write the state of one, and compare. The
    state is read from the database, so run where HYLDE_DATABASE_URL (or the data folder) is the
    service's.

    \b
    Examples:
      hylde replay online_retail.csv.zst --token $(hylde keys create --name tills --scope admin)
      hylde replay sales.csv --write-state clean.state
      hylde replay sales.csv --faults all --seed 7 --compare-state clean.state
      hylde replay sales.csv --faults lost,reorder --seed 7
    """  # noqa: D301 - \b is click's
    options = Options(speed, keep_dates, seed, offline_share)
    the_plan, report = read_plan(file, terminals, limit_invoices)
    if report.bad:
        print(
            f"hylde: left out {sum(report.bad.values())} bad lines: {report.bad}", file=sys.stderr
        )
    if faults and speed:
        raise click.UsageError("--faults plays as fast as it goes: leave --speed out")
    tally = asyncio.run(_play(the_plan, options, url, token, faults, load=not sales_only))
    if as_json:
        print(msgspec.json.encode(tally).decode())
    else:
        Console().print(table_of(tally))
    same = judge(write_state, compare_state, f"seed {seed}")
    if tally.refusals or not same:
        sys.exit(1)


def read_plan(file: Path, terminals: int, limit: int | None = None) -> tuple[Plan, ReadReport]:
    """What a file's sales make tills and staff send.

    Raises:
        ClickException: it is no file of recorded sales.
    """
    report = ReadReport()
    try:
        with file.open("rb") as stream:
            return plan(islice(read_invoices(stream, report), limit), terminals), report
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}") from error


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where that is a terminal; gives the function that moves it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


async def _play(
    the_plan: Plan, options: Options, url: str, token: str, faults: frozenset[Fault], *, load: bool
) -> Tally:
    async with connect(url, token) as wire:
        if load:
            await load_world(wire, the_plan, options)
        with progress("receipts", len(the_plan.steps)) as tick:
            if faults:
                return await FaultyPlayer(
                    wire, the_plan, options, faults, tick=tick, warn=_warn
                ).play()
            return await Player(wire, the_plan, options, tick=tick).play()


def _warn(news: str) -> None:
    print(f"hylde: {news}", file=sys.stderr)


def table_of(tally: Tally) -> Table:
    """The summary for people."""
    table = Table(show_header=False, box=None)
    for name in Tally.__struct_fields__:
        value = getattr(tally, name)
        if isinstance(value, dict):
            value = ", ".join(f"{code} {n:,}" for code, n in sorted(value.items())) or "none"
        else:
            value = f"{value:,}"
        table.add_row(name.replace("_", " "), value)
    return table
