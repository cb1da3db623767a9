"""`hylde pos`: what tills and places leave open, for the people who look after them."""

import asyncio
import datetime as dt
import sys

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.database import database, start
from service.db import Db
from service.terminals.reads import places_after
from service.terminals.types import PlaceDay, TerminalDay

PAGE = 50
WIDTH = 140  # of a table that goes into a file or a pipe
GAPS_SHOWN = 3
CODES_SHOWN = 3
STYLES = {"online": "green", "reconciled": "green", "catching_up": "yellow", "stale": "yellow",
          "offline": "red"}  # fmt: skip


@click.group("pos")
def command() -> None:
    """Tills and their receipts: what is missing, unknown, in conflict or silent.

    \b
    Example:
      hylde pos report --location aar
    """  # noqa: D301 - \b is click's


@command.command("report")
@click.option("--location", metavar="CODE", help="One place only. Without it: all with tills.")
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="A day of each place's own calendar. Without it: today there.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="A JSON array, as GET /v1/pos/reconciliation."
)
def report(location: str | None, day: dt.datetime | None, *, as_json: bool) -> None:
    """Show the reconciliation of a day: one table a place, one line a till.

    \b
    State    online, stale (silent for 10 open minutes), offline (30),
             catching_up (something that it announced is missing),
             reconciled (what came is what its Z-count says)
    Missing  numbers that have not come; each run is an open exception
    Z        receipts that the till announced / that came
    Unknown  units sold under a code that is no item: map it to post them
    Drift    sum of |variance| over expected units, by newest counts

    \b
    Examples:
      hylde pos report
      hylde pos report --location aar --date 2026-11-21
      hylde pos report --json | jq '.[].terminals[] | select(.gaps != [])'
    """  # noqa: D301 - \b is click's
    settings = start()
    with database(settings) as addresses:
        places = asyncio.run(_read(addresses.app, location, None if day is None else day.date()))
    if location is not None and not places:
        raise click.BadParameter(f"There is no location {location!r}.", param_hint="--location")
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(places)).decode())
        return
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    if not places:
        print("no till is registered yet: PUT /v1/pos/terminals/{terminal}", file=sys.stderr)
    for place in places:
        console.print(table_of(place))
        console.print(Text(summary_of(place)), soft_wrap=True)
        console.print()


async def _read(dsn: str, location: str | None, day: dt.date | None) -> list[PlaceDay]:
    """All pages."""
    db = Db(dsn, size=1)
    await db.open()
    try:
        places: list[PlaceDay] = []
        while True:
            after = places[-1].location if places else ""
            page = await places_after(db, after, None, PAGE, day=day, location=location)
            places += page
            if len(page) < PAGE:
                return places
    finally:
        await db.close()


def table_of(place: PlaceDay) -> Table:
    """A place's tills."""
    title = f"{place.name} ({place.location}) · {place.date}"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("till", "state", "last number", "missing"):
        table.add_column(name, no_wrap=name != "missing")
    for name in ("receipts", "Z", "unknown", "lag", "clock", "last heard"):
        table.add_column(name, justify="right", no_wrap=True)
    for till in place.terminals:
        table.add_row(*row_of(till))
    return table


def row_of(till: TerminalDay) -> tuple[Text | str, ...]:
    """A till's line."""
    closing = till.closing
    name = till.terminal if till.in_service else f"{till.terminal} (out of service)"
    z = "" if closing is None else f"{closing.announced} / {closing.received}"
    wrong = closing is not None and closing.announced != closing.received
    return (
        name,
        Text(till.state, style=STYLES[till.state] if till.in_service else "dim"),
        "" if till.last_sequence is None else str(till.last_sequence),
        Text(gaps_of(till.gaps), style="red" if till.gaps else ""),
        str(till.receipts),
        Text(z, style="red" if wrong else ""),
        Text(f"{till.unmapped_units} of {till.units}" if till.unmapped_units else ""),
        "" if till.lag_seconds_max is None else span_of(till.lag_seconds_max),
        "" if not till.clock_offset_seconds else f"{till.clock_offset_seconds:+d} s",
        "never" if till.last_seen_at is None else f"{till.last_seen_at:%Y-%m-%d %H:%MZ}",
    )


def gaps_of(gaps: list[tuple[int, int]]) -> str:
    """Runs of missing numbers, the first of them, and how many there are in all."""
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in gaps[:GAPS_SHOWN]]
    if len(gaps) > GAPS_SHOWN:
        count = sum(b - a + 1 for a, b in gaps)
        shown.append(f"… {count} in all")
    return ", ".join(shown)


def span_of(seconds: int) -> str:
    """A duration as people say it: 45 s, 12 min, 6 h, 2 d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def summary_of(place: PlaceDay) -> str:
    """What the place leaves open, in lines."""
    lines = []
    if place.stale_since is not None:
        lines.append(f"A till is silent: sold since {place.stale_since:%Y-%m-%d %H:%MZ} is unknown")
    if place.doubtful:
        lines.append("More than 2 % of today's units are no known item: shown as uncertain")
    if place.unmapped:
        codes = [
            f"{u.code} ({u.units} unit{'s' * (u.units != 1)})" for u in place.unmapped[:CODES_SHOWN]
        ]
        more = len(place.unmapped) - CODES_SHOWN
        lines.append(
            "Unknown codes: " + ", ".join(codes) + (f" and {more} more" if more > 0 else "")
        )
    kinds = [f"{count} {kind}" for kind, count in sorted(place.open.items())]
    lines.append("Open exceptions: " + (", ".join(kinds) or "none"))
    if place.last_verified_at is None:
        lines.append("Never counted")
    else:
        drift = "Nothing was expected" if place.drift is None else f"Drift {place.drift:.2%}"
        lines.append(
            f"{drift} over {place.counted_items} counted items,"
            f" last verified {place.last_verified_at:%Y-%m-%d %H:%MZ}"
        )
    return "\n".join(f"  {line}" for line in lines)
