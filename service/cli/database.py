"""Where a command finds its database: the environment's, or the bundled PostgreSQL."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from service.embedded import Server, Watch, data_dir_default, ensure, stop
from service.log import log, set_up_logging
from service.migrate import migrate
from service.settings import Settings, read_settings


class Addresses(NamedTuple):
    """The app's and the owner's address; both hold passwords. `server` is the bundled one."""

    app: str
    owner: str
    server: Server | None = None


def start() -> Settings:
    """Read the settings and set up logging: the first step of every command.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    settings = read_settings()
    set_up_logging(settings.log_level, settings.log_format)
    return settings


@contextmanager
def database(
    settings: Settings, *, watch: bool = False, migrates: bool = False
) -> Iterator[Addresses]:
    """The addresses. A bundled server that runs is adopted; one started here is stopped at the end.

    A bundled server that is started here is brought up to date too, since nobody else uses it,
    unless the caller `migrates` by itself. With `watch` one that dies is started again.

    Raises:
        ServerFailedError, MigrationError, CannotConnectError.
    """
    if settings.database_url:
        owner = settings.owner_database_url or settings.database_url
        yield Addresses(settings.database_url, owner)
        return
    server = ensure(settings.folder() or data_dir_default())
    try:
        if server.started_here and not migrates:
            asyncio.run(migrate(server.owner_dsn, server.app_dsn))
        if watch:
            with Watch(server, lambda line: log.warning("postgres", detail=line)):
                yield Addresses(server.app_dsn, server.owner_dsn, server)
        else:
            yield Addresses(server.app_dsn, server.owner_dsn, server)
    finally:
        stop(server)
