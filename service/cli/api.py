"""`hylde api`: only the HTTP service."""

import os
import sys
from collections.abc import Callable

import rich_click as click

from service.cli import http
from service.cli.database import database, start
from service.settings import Settings


def address_options(function: Callable[..., None]) -> Callable[..., None]:
    """--host, --port and --workers."""
    host = click.option("--host", help="Where to listen. [default: HYLDE_HOST, else 127.0.0.1]")
    port = click.option(
        "--port",
        type=click.IntRange(0, 65535),
        help="0 picks a free one. [default: HYLDE_PORT, else 8000]",
    )
    workers = click.option(
        "--workers",
        type=click.IntRange(1, 64),
        default=1,
        show_default=True,
        help="Processes that answer; one for each core at most.",
    )
    return host(port(workers(function)))


def settings_with(host: str | None, port: int | None) -> Settings:
    """The settings, with what the command line says otherwise."""
    settings = start()
    if host is not None:
        os.environ["HYLDE_HOST"] = host
    if port is not None:
        os.environ["HYLDE_PORT"] = str(port)
    return start() if host is not None or port is not None else settings


@click.command("api")
@address_options
def command(host: str | None, port: int | None, workers: int) -> None:
    """Run only the HTTP service, for more than one machine; `hylde worker` runs once beside them.

    Does not migrate: until the schema is current, /readyz answers 503. SIGTERM finishes what was
    accepted; SIGHUP replaces the workers without a failed request.

    \b
    Example:
      HYLDE_DATABASE_URL=postgresql://hylde@db/hylde hylde api --host 0.0.0.0 --workers 4
    """  # noqa: D301 - \b is click's
    settings = settings_with(host, port)
    with (
        http.taken(settings.host, settings.port) as place,
        database(settings, watch=True) as addresses,
        http.shared_metrics(),
    ):
        os.environ["HYLDE_DATABASE_URL"] = addresses.app
        sys.exit(http.serve(place, workers))
