"""`hylde worker`: only the scheduler."""

import os
import signal
import threading

import rich_click as click
import uvloop

from service.cli.database import database, start
from service.settings import read_settings
from service.worker import work


@click.command("worker")
@click.option("--until-stdin-closes", "child", is_flag=True, hidden=True)
def command(*, child: bool) -> None:
    """Run only the scheduler: expiry, partitions, retention and the invariants.

    One is enough; two do no harm. It outlives a database that goes away for a while.

    \b
    Example:
      HYLDE_DATABASE_URL=postgresql://hylde@db/hylde hylde worker
    """  # noqa: D301 - \b is click's
    settings = start()
    if child:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    with database(settings, watch=True) as addresses:
        os.environ["HYLDE_DATABASE_URL"] = addresses.app
        os.environ["HYLDE_OWNER_DATABASE_URL"] = addresses.owner
        uvloop.run(work(read_settings()))


def _end_with_parent() -> None:
    """`serve` holds the other end of stdin: when it was killed, nobody would stop this process."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
