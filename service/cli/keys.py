"""`hylde keys`: make, list and revoke the tokens of clients."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from service.access.commands import create_key, revoke_key
from service.access.reads import all_keys
from service.access.types import SCOPES, Key
from service.cli.database import database, start
from service.db import Db

T = TypeVar("T")
DAYS_MAX = 3650
COLUMNS = ("id", "client", "scopes", "locations", "expires", "state")


@click.group("keys")
def command() -> None:
    """Make, list and revoke the tokens of clients (tills, webshop, app, staff devices).

    Works beside a running service; a revoked key stops within five seconds.
    """


@command.command("create")
@click.option("--name", required=True, help="The client; made when it is new.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    type=click.Choice(sorted(SCOPES)),
    help="What it may do; give it several times.",
)
@click.option(
    "--location",
    "locations",
    multiple=True,
    help="Where; give it several times. Without it: everywhere.",
)
@click.option(
    "--days", type=click.IntRange(1, DAYS_MAX), default=90, show_default=True, help="How long."
)
def create(name: str, scopes: tuple[str, ...], locations: tuple[str, ...], days: int) -> None:
    """Make a key and print its token, and nothing else: it is never shown again.

    \b
    Examples:
      hylde keys create --name webshop --scope availability:read --scope reservations:write
      TOKEN=$(hylde keys create --name aar-1 --scope pos:write --location aar --days 30)
    """  # noqa: D301 - \b is click's
    if not 1 <= len(name) <= 100 or not name.isprintable():  # noqa: PLR2004 - types.Name
        raise click.BadParameter("1-100 printable characters.", param_hint="--name")
    ends = datetime.now(UTC) + timedelta(days=days)
    where = sorted(set(locations)) or None
    print(_with_db(lambda db: create_key(db, name, sorted(set(scopes)), where, ends)))


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_(*, as_json: bool) -> None:
    """List all keys, newest first: a table for people, tab-separated lines for programs."""
    keys = _with_db(all_keys)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(keys)).decode())
    elif sys.stdout.isatty():
        table = Table(*COLUMNS)
        for key in keys:
            table.add_row(*_row(key))
        Console().print(table)
    else:
        print("\t".join(COLUMNS))
        for key in keys:
            print("\t".join(_row(key)))


@command.command("revoke")
@click.argument("which", metavar="ID_OR_NAME")
def revoke(which: str) -> None:
    """Stop one key (by its id) or all keys of a client (by its name). Exit 1 when none matched."""
    count = _with_db(lambda db: revoke_key(db, which))
    if not count:
        print(f"hylde: no key that works has the id or name {which!r}", file=sys.stderr)
        sys.exit(1)
    print(f"revoked {count} {'key' if count == 1 else 'keys'}", file=sys.stderr)


def _row(key: Key) -> tuple[str, ...]:
    now = datetime.now(UTC)
    state = "revoked" if key.revoked_at else "expired" if key.expires_at <= now else "works"
    where = "everywhere" if key.locations is None else " ".join(key.locations)
    ends = key.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    return (key.key_id, key.name, " ".join(key.scopes), where, ends, state)


def _with_db(ask: Callable[[Db], Awaitable[T]]) -> T:
    async def asked(dsn: str) -> T:
        db = Db(dsn, size=2)
        await db.open()
        try:
            return await ask(db)
        finally:
            await db.close()

    settings = start()
    with database(settings) as addresses:
        return asyncio.run(asked(addresses.app))
