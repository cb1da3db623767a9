"""The only user of asyncpg: a pool, commands through lanes, named queries.

A command is a Struct that names its SQL function; `run` puts it into the lane of (function, cell)
and gives back the decoded outcome. Every wait has an end (reliability.md F5).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import asyncpg
import msgspec

from service.lanes import CommandBroken, Lane, NotStarted, OutcomeUnknown
from service.log import log

T = TypeVar("T")
O_co = TypeVar("O_co", covariant=True)

SQL_DIR = next(
    folder
    for folder in (
        Path(__file__).parent.parent / "sql",
        Path(__file__).parent / "_bundled" / "sql",
    )
    if folder.is_dir()
)

APP_ROLE = "hylde_app"

_encode = msgspec.json.Encoder().encode
# what the server says when it goes away under a statement: nobody knows whether it committed
_LOST = ("08", "57P01", "57P02", "57P03")
# rolled back for reasons that pass: locks, deadlocks, cancelled, a key that a twin just took
_TRANSIENT = ("40001", "40P01", "55P03", "57014", "23505", "0A000", "26000")
# rolled back for reasons of the server: full disk, out of memory, too many connections
_SERVER = ("53", "58", "XX")


class Command(msgspec.Struct, Generic[O_co], frozen=True, kw_only=True):
    """What a SQL function decides. Subclasses name it and what it answers.

    `client_id`, `key`, `fingerprint` and `request_id` say who asked, and make asking again safe.
    """

    function: ClassVar[str]
    outcome: ClassVar[type[Any]]
    batch_max: ClassVar[int] = 128
    queue_max: ClassVar[int] = 4096
    shared: ClassVar[bool] = False  # a read: the same question in one batch is asked once

    def weight(self) -> int:
        """How much of a batch this takes."""
        return 1


class Db:
    """Pool, lanes and named queries of one process.

    Args:
        dsn: the app's login.
        size: connections in the pool.
        role: what every connection works as, so that a login that may more does no more (the owner
            on a database with one login only); a login that is the role already may set it too.
        now: the time that functions get; None means the database's own clock (tests set it).
    """

    def __init__(
        self, dsn: str, *, size: int = 8, now: datetime | None = None, role: str = APP_ROLE
    ) -> None:
        self.now = now
        # cells of places, which never change: locations.reads keeps them here
        self.cells: dict[str, int] = {}
        self._dsn = dsn
        self._size = size
        self._role = role
        self._pool: asyncpg.Pool | None = None
        self._lanes: dict[tuple[str, int], Lane[Any]] = {}
        self._queries = read_queries(SQL_DIR / "queries")
        self.calls = 0

    async def open(self) -> None:
        """Make the pool. Without a database it stays closed and is tried again on each use."""
        self._pool = asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=self._size,
            timeout=2,
            command_timeout=2.5,
            max_inactive_connection_lifetime=0,
            reset=_no_reset,
            server_settings={
                "application_name": "hylde",
                "role": self._role,
                "statement_timeout": "1700",
                "lock_timeout": "500",
                "idle_in_transaction_session_timeout": "5000",
                "timezone": "UTC",
                # a server of somebody else's may compile what is planned to be dear: seconds, while
                # locks are held, for what runs in milliseconds
                "jit": "off",
            },
        )
        await self._pool

    async def warm(self, *kinds: type[Command[Any]]) -> None:
        """Connect the whole pool before the first request; a database that is away is no matter.

        A new worker under load would otherwise spend its first second on logging in eight times,
        and have requests wait for that. Each connection decides an empty batch of each of `kinds`
        too: a function's first call plans all its statements, 10 to 20 ms.
        """
        found = await asyncio.gather(
            *(self._acquire() for _ in range(self._size)), return_exceptions=True
        )
        connected = [one for one in found if not isinstance(one, BaseException)]
        await asyncio.gather(*(self._plan(one, kinds) for one in connected), return_exceptions=True)
        for connection in connected:
            await self._release(connection)

    async def _plan(self, connection: Any, kinds: Sequence[type[Command[Any]]]) -> None:  # noqa: ANN401
        for kind in kinds:
            await connection.fetchval(_statement_of(kind), 1, "[]", self.now)

    async def close(self) -> None:
        """Finish the lanes, then close the pool."""
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 5)
            except TimeoutError:
                self._pool.terminate()

    def run(self, command: Command[T], cell: int = 1) -> asyncio.Future[T]:
        """Put a command into its lane; the future gets the decoded outcome.

        Raises (from the future too): lanes.NotStarted, OutcomeUnknown, CommandBroken.
        """
        kind = type(command)
        lane = self._lanes.get((kind.function, cell))
        if lane is None:
            lane = self._open_lane(kind, cell)
        return lane.ask(_encode(command), command.weight())

    def _open_lane(self, kind: type[Command[Any]], cell: int) -> Lane[Any]:
        statement = _statement_of(kind)
        decode = msgspec.json.Decoder(list[kind.outcome]).decode  # type: ignore[name-defined]

        async def call(batch: str, seconds: float) -> list[Any]:
            text = await self._fetch(statement, (cell, batch, self.now), seconds, "val")
            return decode(text)

        lane: Lane[Any] = Lane(
            call, batch_max=kind.batch_max, queue_max=kind.queue_max, shared=kind.shared
        )
        self._lanes[kind.function, cell] = lane
        return lane

    async def one(self, kind: type[T], query: str, *args: object) -> T | None:
        """The first row of a named query as `kind`, or None."""
        rows = await self.many(kind, query, *args)
        return rows[0] if rows else None

    async def many(self, kind: type[T], query: str, *args: object) -> list[T]:
        """All rows of a named query (`domain.name`) as `kind`; JSON columns are decoded."""
        rows: Sequence[Any] = await self._fetch(self._queries[query], args, 2.5, "rows")
        return [msgspec.convert(dict(row), kind, strict=False) for row in rows]

    async def document(self, kind: type[T], query: str, *args: object) -> T | None:
        """The first column of the first row, a JSON document, as `kind`; None where it is null."""
        text = await self._fetch(self._queries[query], args, 2.5, "val")
        return None if text is None else msgspec.json.decode(text, type=kind)

    async def value(self, query: str, *args: object) -> Any:  # noqa: ANN401 - a column of any type
        """The first column of the first row of a named query."""
        return await self._fetch(self._queries[query], args, 2.5, "val")

    async def _fetch(self, sql: str, args: Sequence[object], seconds: float, what: str) -> Any:  # noqa: ANN401
        """One statement on one connection; errors become what is known about the outcome."""
        connection = await self._acquire()
        self.calls += 1
        try:
            if what == "val":
                return await connection.fetchval(sql, *args, timeout=seconds)
            return await connection.fetch(sql, *args, timeout=seconds)
        except asyncpg.PostgresError as error:
            connection.terminate()
            code = str(error.sqlstate or "")
            if code.startswith(_LOST):
                raise OutcomeUnknown(type(error).__name__) from error
            if code.startswith(_SERVER):
                log.error("database_refuses", code=code, error=str(error))
                raise NotStarted(type(error).__name__) from error
            transient = code.startswith(_TRANSIENT)
            if not transient:
                log.error("command_broken", code=code, error=str(error), statement=sql[:80])
            raise CommandBroken(str(error), code, transient=transient) from error
        except (
            TimeoutError,
            OSError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            connection.terminate()
            raise OutcomeUnknown(type(error).__name__) from error
        finally:
            await self._release(connection)

    async def _acquire(self) -> Any:  # noqa: ANN401 - asyncpg's proxy has no public type
        if self._pool is None:
            raise NotStarted("the pool is not open")
        try:
            return await self._pool.acquire(timeout=1.0)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise NotStarted(type(error).__name__) from error

    async def _release(self, connection: Any) -> None:  # noqa: ANN401
        if self._pool is not None:
            await self._pool.release(connection)


def _statement_of(kind: type[Command[Any]]) -> str:
    return f"select {kind.function}($1::integer, $2::jsonb, $3::timestamptz)"


class RolledBackError(Exception):
    """The owner's transaction was rolled back; `transient` ones may be tried again."""

    def __init__(self, message: str, *, transient: bool) -> None:
        """Keep whether waiting can help."""
        super().__init__(message)
        self.transient = transient


class CannotConnectError(Exception):
    """The database cannot be reached, or lets us not in; the message is one line for people."""


class OwnerSession:
    """One connection with the owner's rights, for migrations, checks and set-up."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - asyncpg has no public type
        """Use `connect`."""
        self._connection = connection

    @classmethod
    async def connect(cls, dsn: str, *, tries: int = 20) -> "OwnerSession":
        """Connect; a server that is just starting gets a few seconds.

        Raises:
            CannotConnectError: it stays away, or refuses us.
        """
        for attempt in range(tries):
            try:
                connection = await asyncpg.connect(
                    dsn, timeout=5, server_settings={"lock_timeout": "2000", "timezone": "UTC"}
                )
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as e:
                if attempt == tries - 1:
                    raise CannotConnectError(f"cannot reach the database: {e}") from e
                await asyncio.sleep(0.2)
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise CannotConnectError(f"cannot use the database: {error}") from error
            else:
                return cls(connection)
        raise AssertionError

    async def close(self) -> None:
        """Close the connection (and give up its locks)."""
        await self._connection.close(timeout=5)

    async def execute(self, sql: str) -> None:
        """Run statements.

        Raises:
            RolledBackError: the database refused.
        """
        try:
            await self._connection.execute(sql)
        except asyncpg.PostgresError as error:
            code = str(error.sqlstate or "")
            raise RolledBackError(str(error), transient=code.startswith(_TRANSIENT)) from error

    async def value(self, sql: str, *args: object) -> Any:  # noqa: ANN401 - a column of any type
        """The first column of the first row."""
        return await self._connection.fetchval(sql, *args)

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """All rows."""
        return [dict(row) for row in await self._connection.fetch(sql, *args)]

    async def each(self, sql: str) -> AsyncIterator[Any]:
        """The first column of each row, fetched a few at a time: for what memory may not hold."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            async for row in self._connection.cursor(sql, prefetch=1_000):
                yield row[0]

    async def transaction(self, text: str, note: str, *args: object) -> None:
        """Run a script and one statement with arguments, both or none."""
        try:
            async with self._connection.transaction():
                await self._connection.execute(text)
                await self._connection.execute(note, *args)
        except asyncpg.PostgresError as error:
            code = str(error.sqlstate or "")
            raise RolledBackError(str(error), transient=code.startswith(_TRANSIENT)) from error


async def _no_reset(_: object) -> None:
    """No reset query: every statement is its own transaction and leaves nothing behind."""


def read_queries(folder: Path) -> dict[str, str]:
    """Read `-- name: x` sections of sql/queries/<domain>.sql as `domain.x`."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        for part in re.split(r"^-- name: ", path.read_text(), flags=re.MULTILINE)[1:]:
            name, _, text = part.partition("\n")
            found[f"{path.stem}.{name.strip()}"] = text.strip().rstrip(";")
    return found
