"""`hylde check`: run every invariant of sql/checks on one snapshot."""

import asyncio
import sys
from typing import Any

import rich_click as click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from service.cli.database import database, start
from service.invariants import Checked, check_all, check_texts

WIDTH = 140  # of a table that goes into a file or a pipe


@click.command("check")
def command() -> int:
    """Run every invariant on one snapshot; print the broken ones, and exit 1 if there are any.

    Reads only, so it can run at any time, beside a running service.

    \b
    Examples:
      hylde check
      HYLDE_DATABASE_URL=postgresql://hylde@db/hylde hylde check
    """  # noqa: D301 - \b is click's
    with database(start()) as addresses:
        return asyncio.run(run(addresses.owner))


async def run(owner_dsn: str) -> int:
    """Check all: a table of the broken ones to stdout, progress to stderr; gives the exit code."""
    broken: list[Checked] = []
    total = len(check_texts())
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("invariants", total=total)
        async for checked in check_all(owner_dsn):
            progress.advance(task)
            if checked.broken:
                broken.append(checked)
    if not broken:
        print(f"all {total} invariants hold", file=sys.stderr)
        return 0
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(_table(broken))
    print(f"{len(broken)} of {total} invariants are broken", file=sys.stderr)
    return 1


def _table(broken: list[Checked]) -> Table:
    table = Table(show_lines=True)
    table.add_column("invariant", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("what should be true, and where it is not")
    for checked in broken:
        where = "\n".join(_line(row) for row in checked.rows)
        told = Text(f"{checked.statement}\n\n{where}")
        table.add_row(checked.name, str(checked.broken), told)
    return table


def _line(row: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in row.items())
