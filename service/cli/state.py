"""`hylde state`: what a replay ended in, to compare it with what another one ended in."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import rich_click as click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.database import database, start
from service.faults.formats import HEADER, read_state
from service.faults.reads import end_state
from service.faults.rules import differences
from service.faults.types import Difference

SHOWN = 20
WIDTH = 140  # of a table that goes into a file or a pipe


@click.command("state")
@click.option(
    "--compare",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with this state instead of printing; exit 1 if they differ.",
)
def command(compare: Path | None) -> int:
    """Print the end state of the database's world: what does not depend on when things came.

    One line each, sorted: balances of every account, claims, shortfalls, receipts with their
    status, sale lines with what came back, and open items (exceptions and gaps). No ids, no times:
    two worlds in which the same happened print the same, whatever order it was told in. Reads one
    snapshot, so it can run beside a running service.

    \b
    Examples:
      hylde state > clean.state
      hylde state --compare clean.state
    """  # noqa: D301 - \b is click's
    if compare is not None:
        return 0 if judge(None, compare, "this world") else 1
    with database(start()) as addresses:
        asyncio.run(_write(addresses.owner, sys.stdout))
    return 0


def judge(write: Path | None, compare: Path | None, who: str) -> bool:
    """Write the end state, compare it with a kept one, or both; whether nothing differs.

    Raises:
        ClickException: the kept one is no state.
    """
    if write is None and compare is None:
        return True
    with TemporaryDirectory() as folder, database(start()) as addresses:
        path = write or Path(folder) / "state"
        with path.open("w", encoding="utf-8") as stream:
            asyncio.run(_write(addresses.owner, stream))
        return compare is None or _same(compare, path, who)


async def _write(owner_dsn: str, stream: IO[str]) -> None:
    stream.write(f"{HEADER}\n")
    async for line in end_state(owner_dsn):
        stream.write(f"{line}\n")


def _same(clean: Path, here: Path, who: str) -> bool:
    with _state(clean) as left, _state(here) as right:
        found = differences(left, right)
        first = list(islice(found, SHOWN))
        more = sum(1 for _ in found)
    if not first:
        print(f"{who}: 0 differences", file=sys.stderr)
        return True
    Console(width=None if sys.stdout.isatty() else WIDTH).print(_table(first))
    print(f"{who}: {len(first) + more} differences from {clean}", file=sys.stderr)
    return False


@contextmanager
def _state(path: Path) -> Iterator[Iterator[str]]:
    with path.open(encoding="utf-8", newline="\n") as stream:
        try:
            yield read_state(stream)
        except ValueError as error:
            raise click.ClickException(f"{path}: {error}") from error


def _table(found: list[Difference]) -> Table:
    table = Table()
    for name in ("row", "clean", "here"):
        table.add_column(name)
    for one in found:
        row = one.key.replace("\t", " ")
        table.add_row(Text(row), Text(one.clean or "no row"), Text(one.here or "no row"))
    return table
