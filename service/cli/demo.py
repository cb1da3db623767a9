"""`hylde demo`: real sales through a real service, judged by a second computation."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from service.access.commands import create_key
from service.access.types import SCOPES
from service.cli import http
from service.cli.api import settings_with
from service.cli.database import database
from service.cli.idle_tills import keep_tills_alive
from service.cli.replay import progress, read_plan
from service.cli.shoppers import Contest, Shoppers, contest
from service.db import Db, OwnerSession
from service.embedded import data_dir_default
from service.invariants import check_all, check_texts
from service.replay.commands import Player, load_world
from service.replay.reads import PlayError, connect, on_hand_per_sku
from service.replay.rules import places
from service.replay.types import Loaded, Options, Plan, Tally
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT.parent / "shared" / "data" / "online-retail"
SAMPLE = ROOT / "tests" / "data" / "online_retail_sample.csv.zst"
SECOND = ROOT / "tests" / "data" / "independent_stock.py"
START_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 40.0
KEY_DAYS = 30
PLAYER = ("locations:write", "catalog:write", "stock:write", "pos:write", "pos:backfill")
BUYS = ("availability:read", "reservations:write", "orders:read", "orders:write")
ROLES: dict[str, tuple[str, ...]] = {
    "till": ("pos:write",),
    "webshop": BUYS,
    "app": BUYS,
    "staff": ("stock:read", "stock:write", "counts:write", "pos:write", "orders:fulfil"),
    "back office": ("admin",),
}


class Shown(msgspec.Struct, frozen=True):
    """What the judges found; `differences`: (told by the service, by the second computation)."""

    tally: Tally
    last: Contest
    skus: int
    units: int
    differences: dict[str, tuple[int, int]]
    compared_seconds: float

    def right(self) -> bool:
        """Whether every number is as it must be."""
        wrong = self.differences or self.tally.refusals or self.last.oversold()
        return not wrong and self.last.held == min(self.last.units, self.last.buyers)


class Running(NamedTuple):
    """The service that the demo started."""

    url: str
    process: subprocess.Popen[bytes]


@click.command("demo")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: HYLDE_PORT, else 8000]")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recorded sales to play. [default: the shared data, else the sample of this checkout]",
)
@click.option("--once", is_flag=True, help="End after the report.")
@click.option("--fresh", is_flag=True, help="Start over, in a data folder that is removed after.")
@click.option("--seed", default=1, show_default=True, help="Of the tills' silent spells.")
def command(
    port: int | None,
    file: Path | None,
    once: bool,  # noqa: FBT001 - click's
    fresh: bool,  # noqa: FBT001 - click's
    seed: int,
) -> None:
    """Show everything at work: real shops sell real goods while customers reserve them.

    Starts the service, loads shops, items and opening stock, replays recorded sales and returns
    over HTTP as tills would, lets customers reserve meanwhile, compares the stock in the end with
    a second computation straight from the file, and runs every invariant. Then it goes on serving
    until ^C. Exit 1 if a number is wrong.

    \b
    Examples:
      hylde demo
      hylde demo --port 8080 --once
    """  # noqa: D301 - \b is click's
    source = file or _recorded_file()
    os.environ.setdefault("HYLDE_LOG_LEVEL", "warning")  # the story is told by the demo itself
    out = Console(highlight=False, soft_wrap=True)
    with _data_folder(fresh=fresh) as folder:
        settings = settings_with(None, port)
        with http.taken(settings.host, settings.port):
            pass  # better now than after the database was started
        with database(settings) as addresses, _service(settings, folder / "demo.log") as running:
            tokens = asyncio.run(_tokens(addresses.app))
            shown = asyncio.run(_show(running.url, tokens, source, seed, out))
            broken = asyncio.run(_broken_invariants(addresses.owner))
            _say_end(out, shown, broken, running.url, tokens)
            if not once:
                out.print("\nIt goes on serving, and its tills stay awake; ^C ends it.")
                with suppress(KeyboardInterrupt):
                    office = tokens["back office"]
                    asyncio.run(keep_tills_alive(running.url, office, running.process))
    sys.exit(0 if shown.right() and not broken else 1)


def _recorded_file() -> Path:
    """All recorded sales where they are beside this checkout, else the kept sample.

    Raises:
        ClickException: this is no checkout.
    """
    found = [*sorted(RECORDED.glob("online_retail_*.csv.zst")), *SAMPLE.parent.glob(SAMPLE.name)]
    if not found:
        raise click.ClickException("no recorded sales are here; say which: --file FILE")
    return found[0]


@contextmanager
def _data_folder(*, fresh: bool) -> Iterator[Path]:
    """The data folder; a fresh one is removed at the end."""
    if not fresh:
        folder = Path(os.environ.get("HYLDE_DATA_DIR") or data_dir_default())
        folder.parent.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    if os.environ.get("HYLDE_DATABASE_URL"):
        raise click.UsageError("--fresh is for the bundled PostgreSQL; unset HYLDE_DATABASE_URL")
    folder = Path(tempfile.gettempdir()) / f"hylde-demo-{secrets.token_hex(4)}"
    os.environ["HYLDE_DATA_DIR"] = str(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _service(settings: Settings, log: Path) -> Iterator[Running]:
    """`hylde serve` as a child, in a session of its own: ^C reaches us, and we stop it.

    Raises:
        PlayError: it did not get ready.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", "service", "serve", "--port", str(settings.port)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{settings.port}"
        _until_ready(process, url, log)
        yield Running(url, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS_MAX
    while process.poll() is None and time.monotonic() < give_up_at:
        with suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310 - http
            return
        time.sleep(0.05)
    lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    raise PlayError(f"the service did not start: {lines[-1]} (see {log})")


async def _tokens(dsn: str) -> dict[str, str]:
    """A token for each role, and one for the player."""
    ends = datetime.now(UTC) + timedelta(days=KEY_DAYS)
    db = Db(dsn, size=2)
    await db.open()
    try:
        return {
            role: await create_key(db, f"demo {role}", sorted(SCOPES & set(scopes)), None, ends)
            for role, scopes in {**ROLES, "player": PLAYER}.items()
        }
    finally:
        await db.close()


async def _show(url: str, tokens: dict[str, str], source: Path, seed: int, out: Console) -> Shown:
    """Play everything, then ask the judges."""
    the_plan, report = read_plan(source, 2)
    _say(
        out,
        "sales",
        f"{source.name}: {the_plan.counts['invoices']:,} invoices, "
        f"{the_plan.counts['lines']:,} lines, {sum(report.bad.values())} left out as bad",
    )
    async with AsyncExitStack() as stack:
        player = await stack.enter_async_context(connect(url, tokens["player"]))
        office = await stack.enter_async_context(connect(url, tokens["back office"]))
        app = await stack.enter_async_context(connect(url, tokens["app"]))
        options = Options(seed=seed)
        loaded = await load_world(player, the_plan, options)
        _say_world(out, the_plan, loaded)
        shoppers = Shoppers(app, the_plan.items, seed)
        with progress("receipts", len(the_plan.steps)) as tick:
            playing = Player(player, the_plan, options, customers=shoppers, tick=tick)
            tally, last = await asyncio.gather(playing.play(), contest(office, app, "s01"))
        await shoppers.finish()
        _say_tills(out, tally)
        _say_customers(out, shoppers, last)
        started = time.monotonic()
        skus = [sku for sku, item in the_plan.items.items() if item.stock_tracked]
        with progress("comparing", len(skus) * len(places())) as tick:
            told = await on_hand_per_sku(office, list(places()), skus, tick)
    second = await asyncio.to_thread(_second_computation, source)
    both = told.keys() | second.keys()
    differences = {
        sku: (told[sku], second.get(sku, 0)) for sku in both if told[sku] != second.get(sku, 0)
    }
    seconds = time.monotonic() - started
    return Shown(tally, last, len(both), sum(second.values()), differences, seconds)


def _second_computation(source: Path) -> dict[str, int]:
    """Units of each item in the end, straight from the file, by a program of its own."""
    argv = [sys.executable, str(SECOND), str(source), "--json"]
    done = subprocess.run(argv, capture_output=True, check=False)  # noqa: S603 - our own program
    if done.returncode:
        raise PlayError(f"{SECOND.name} failed: {done.stderr.decode(errors='replace')[-300:]}")
    return msgspec.json.decode(done.stdout, type=dict[str, int])


async def _broken_invariants(owner_dsn: str) -> list[str]:
    """What `hylde check` complains about.

    Tables that were empty a minute ago are measured first: without it the same queries take
    minutes instead of seconds.
    """
    session = await OwnerSession.connect(owner_dsn)
    await session.execute("analyze")
    await session.close()
    return [checked.name async for checked in check_all(owner_dsn) if checked.broken]


# --- what it says


def _say(out: Console, label: str, text: str) -> None:
    out.print(f"[bold]{label:<12}[/]{escape(text)}")


def _say_world(out: Console, the_plan: Plan, loaded: Loaded) -> None:
    tills = len(the_plan.terminals)
    _say(
        out,
        "world",
        f"{len(places())} places, {len(the_plan.items):,} items, {tills} tills, "
        f"{len(the_plan.opening):,} opening balances ({sum(the_plan.opening.values()):,} units)",
    )
    if loaded.opening_there:
        _say(
            out,
            "",
            f"was here already: {loaded.locations.unchanged} places, "
            f"{loaded.items.unchanged:,} items, {loaded.opening_there:,} opening balances",
        )


def _say_tills(out: Console, tally: Tally) -> None:
    if tally.already_there:
        was = f"{tally.already_there:,} receipts were here already and are not sold twice"
        _say(out, "tills", f"{was} (--fresh starts over)")
    if tally.receipts:
        pace = f"{tally.lines:,} lines in {tally.seconds:.1f} s: {tally.lines_per_second:,.0f}"
        said = f"{tally.receipts:,} receipts, {pace} lines/s; {tally.movements:,} corrections"
        silent = f"{tally.offline_spells:,} times a till fell silent, and sent later what it had"
        again = f"{tally.lost_replies:,} times tills asked again, as if the reply had been lost"
        _say(out, "tills", said)
        _say(out, "", f"{silent} rung up: {tally.offline_receipts:,} receipts")
        _say(out, "", f"{again}: {tally.duplicates:,} duplicates, nothing sold twice")
    if tally.released_from_review:
        _say(out, "", f"{tally.released_from_review} receipts were held for review and released")
    _say(out, "refusals", _counts(tally.refusals))
    _say(out, "problems", _counts(tally.problems))


def _say_customers(out: Console, shoppers: Shoppers, last: Contest) -> None:
    asked = shoppers.held + sum(shoppers.refused.values())
    if asked:
        held = f"{shoppers.held:,} held ({shoppers.released:,} given free after the sale)"
        told = f"{asked:,} wanted to reserve what they would fetch, while the tills sold"
        _say(out, "customers", f"{told}: {held}, refused {_counts(shoppers.refused)}")
    got = f"{last.held} held, {last.buyers - last.held} refused, {last.oversold()} oversold"
    _say(out, "last units", f"{last.buyers} buyers at once for {last.units} units: {got}")


def _say_end(
    out: Console, shown: Shown, broken: list[str], url: str, tokens: dict[str, str]
) -> None:
    _say(
        out,
        "stock",
        f"{shown.skus:,} items compared with a second computation from the file "
        f"({shown.units:,} units): {len(shown.differences)} differences "
        f"({shown.compared_seconds:.1f} s)",
    )
    for sku, (here, there) in sorted(shown.differences.items())[:5]:
        _say(out, "", f"{sku}: {here:,} here, {there:,} by the second computation")
    if shown.differences and shown.tally.already_there:
        _say(out, "", "this data folder held other sales before: try --fresh")
    names = f" ({', '.join(broken)})" if broken else ""
    _say(out, "invariants", f"{len(check_texts())} checked, {len(broken)} broken{names}")
    out.print()
    for name, path in (("API", "/v1"), ("reference", "/docs"), ("metrics", "/metrics")):
        _say(out, name, f"{url}{path}")
    for role in ROLES:
        _say(out, role, tokens[role])


def _counts(counts: dict[str, int]) -> str:
    """Counts by code in words."""
    words = ", ".join(f"{code} {n:,}" for code, n in sorted(counts.items()))
    return f"{sum(counts.values()):,} ({words})" if words else "0"
