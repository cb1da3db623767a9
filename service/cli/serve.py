"""`hylde serve`: the whole service: database, web workers and scheduler."""

import asyncio
import os
import sys

import rich_click as click

from service.cli import http
from service.cli.api import address_options, settings_with
from service.cli.database import database
from service.cli.scheduler import scheduler
from service.migrate import migrate


@click.command("serve")
@address_options
def command(host: str | None, port: int | None, workers: int) -> None:
    """Run the HTTP service with its scheduler beside it; migrates the database first.

    Without HYLDE_DATABASE_URL the bundled PostgreSQL is started (or the running one adopted),
    watched, and stopped at the end if it was started here. SIGTERM and ^C stop accepting, finish
    what was accepted, then stop the scheduler, then PostgreSQL. SIGHUP replaces the web workers
    without a failed request.

    \b
    Examples:
      hylde serve
      hylde serve --host 0.0.0.0 --port 80 --workers 2
      HYLDE_DATABASE_URL=postgresql://hylde@db/hylde HYLDE_LOG_FORMAT=console hylde serve
    """  # noqa: D301 - \b is click's
    settings = settings_with(host, port)
    with (
        http.taken(settings.host, settings.port) as place,
        database(settings, watch=True, migrates=True) as addresses,
        http.shared_metrics(),
    ):
        asyncio.run(migrate(addresses.owner, addresses.app))
        # passwords go to the children by environment, never by command line
        os.environ["HYLDE_DATABASE_URL"] = addresses.app
        os.environ["HYLDE_OWNER_DATABASE_URL"] = addresses.owner
        with scheduler():
            code = http.serve(place, workers)
    sys.exit(code)
