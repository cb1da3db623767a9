"""`hylde migrate`: bring the database up to date."""

import asyncio
import sys

import rich_click as click

from service.cli.database import database, start
from service.migrate import migrate


@click.command("migrate")
def command() -> None:
    """Bring the database up to date: migrations, then functions, then grants.

    Safe to run at any time, by several at once, beside a running service. Refuses when an applied
    migration was changed, or when the database belongs to a newer release.

    \b
    Examples:
      hylde migrate
      HYLDE_DATABASE_URL=postgresql://hylde@db/hylde hylde migrate
    """  # noqa: D301 - \b is click's
    settings = start()
    with database(settings, migrates=True) as addresses:
        report = asyncio.run(migrate(addresses.owner, addresses.app))
    for name in report.applied:
        print(name)
    done = len(report.applied) or report.functions_replaced
    print("the database is up to date" if done else "nothing to do", file=sys.stderr)
