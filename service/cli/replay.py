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
    help="Share of receipts that a till rings up while it cannot reach the service.",
)
@click.option("--seed", default=1, show_default=True, help="Of the tills' silent spells.")
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

    \b
    Example:
      hylde replay online_retail.csv.zst --token $(hylde keys create --name tills --scope admin)
    """  # noqa: D301 - \b is click's
    options = Options(speed, keep_dates, seed, offline_share)
    the_plan, report = read_plan(file, terminals, limit_invoices)
    if report.bad:
        print(
            f"hylde: left out {sum(report.bad.values())} bad lines: {report.bad}", file=sys.stderr
        )
    tally = asyncio.run(_play(the_plan, options, url, token, load=not sales_only))
    if as_json:
        print(msgspec.json.encode(tally).decode())
    else:
        Console().print(table_of(tally))
    if tally.refusals:
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


async def _play(the_plan: Plan, options: Options, url: str, token: str, *, load: bool) -> Tally:
    async with connect(url, token) as wire:
        if load:
            await load_world(wire, the_plan, options)
        with progress("receipts", len(the_plan.steps)) as tick:
            return await Player(wire, the_plan, options, tick=tick).play()


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
