"""Fixtures: a real Postgres, the service in process, tokens, and the invariants after every test.

`HYLDE_TEST_DATABASE_URL` names a superuser's address on another server (CI: Debian's 15); unset,
the bundled PostgreSQL is started in a temporary folder.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio

from service.access.commands import create_key
from service.app import build_app
from service.db import Db
from service.embedded import ensure, stop
from service.migrate import migrate
from service.settings import Settings

ROOT = Path(__file__).parent.parent
CHECKS = sorted((ROOT / "sql" / "checks").glob("*.sql"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared data beside the checkout; tests that need it skip where it is not."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(owner's address, app's address) of a server with an empty database."""
    external = os.environ.get("HYLDE_TEST_DATABASE_URL")
    if external:
        yield external, external
        return
    found = ensure(tmp_path_factory.mktemp("data"))
    yield found.owner_dsn, found.app_dsn
    stop(found)


@pytest_asyncio.fixture(scope="session")
async def database(server: tuple[str, str]) -> AsyncIterator[tuple[str, str]]:
    """(owner's address, app's address) of a migrated database that all tests share."""
    owner, app = server
    if os.environ.get("HYLDE_TEST_DATABASE_URL"):
        name = f"hylde_test_{secrets.token_hex(4)}"
        connection = await asyncpg.connect(owner)
        await connection.execute(f"create database {name}")
        owner = app = with_database(owner, name)
        await migrate(owner, app)
        yield owner, app
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()
        return
    await migrate(owner, app)
    yield owner, app


def with_database(dsn: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


@pytest_asyncio.fixture(scope="session")
async def owner(database: tuple[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """A connection with the owner's rights, to arrange and to look inside."""
    # as the service's own connections: compiling costs more than any query here runs
    connection = await asyncpg.connect(database[0], server_settings={"jit": "off"})
    yield connection
    await connection.close()


class Service:
    """The service in process, as its clients see it."""

    def __init__(self, client: httpx.AsyncClient, db: Db, owner: asyncpg.Connection) -> None:
        self.client = client
        self.db = db
        self.owner = owner
        self.default = ""

    async def token(
        self, *scopes: str, locations: list[str] | None = None, name: str | None = None
    ) -> str:
        """A token of a new client (or of the named one)."""
        return await create_key(
            self.db,
            name or f"client-{secrets.token_hex(4)}",
            list(scopes or ("admin",)),
            locations,
            datetime.now(UTC) + timedelta(days=1),
        )

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **of: Any,
    ) -> httpx.Response:
        """One request; POST gets a fresh Idempotency-Key unless one is given (`key=""`: none)."""
        if not self.default:
            self.default = await self.token("admin", name="tester")
        every = {"Authorization": f"Bearer {self.default if token is None else token}"}
        if method == "POST" and key != "":
            every["Idempotency-Key"] = key or secrets.token_hex(8)
        every.update(headers or {})
        if body is not None:
            of["json"] = body
        return await self.client.request(method, path, headers=every, **of)

    async def get(self, path: str, **of: Any) -> httpx.Response:
        return await self.call("GET", path, **of)

    async def post(self, path: str, body: object = None, **of: Any) -> httpx.Response:
        return await self.call("POST", path, body, **of)

    async def put(self, path: str, body: object = None, **of: Any) -> httpx.Response:
        return await self.call("PUT", path, body, **of)

    async def sql(self, query: str, *args: object) -> list[dict[str, Any]]:
        """Rows, with the owner's rights."""
        return [dict(row) for row in await self.owner.fetch(query, *args)]

    # ready-made world: names are unique to the test, so that tests share one database
    async def place(self, code: str | None = None, **of: Any) -> str:
        """A location, made over the API; gives its code."""
        code = code or f"l{secrets.token_hex(4)}"
        week = {day: [["10:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
        body = {
            "name": code.upper(),
            "kind": "store",
            "country": "DK",
            "time_zone": "Europe/Copenhagen",
            "opening_hours": week,
            "safety_stock": 0,
            **of,
        }
        reply = await self.put(f"/v1/locations/{code}", body)
        assert reply.status_code in (200, 201), reply.text
        return code

    async def item(self, sku: str | None = None, **of: Any) -> str:
        """An item, made over the API; gives its SKU."""
        sku = sku or f"K{secrets.token_hex(4)}"
        reply = await self.put(f"/v1/items/{sku}", {"name": f"Item {sku}", **of})
        assert reply.status_code in (200, 201), reply.text
        return sku

    async def receive(self, location: str, sku: str, quantity: int) -> None:
        """Goods came in."""
        reply = await self.post(
            "/v1/stock/movements",
            {
                "movements": [
                    {"location": location, "sku": sku, "kind": "received", "quantity": quantity}
                ]
            },
        )
        assert reply.json()["results"][0]["status"] == "posted", reply.text


@pytest.fixture(scope="session")
def settings() -> Settings:
    """What the service under test runs with."""
    return Settings(rate_limit=0)


@pytest_asyncio.fixture(scope="session")
async def running(
    database: tuple[str, str], owner: asyncpg.Connection, settings: Settings
) -> AsyncIterator[Service]:
    """One service for the whole session."""
    db = Db(database[1])
    app = build_app(settings, db)
    await db.open()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hylde.test") as client:
        yield Service(client, db, owner)
    await db.close()


@pytest_asyncio.fixture
async def service(running: Service) -> AsyncIterator[Service]:
    """The service; after the test every invariant is checked."""
    yield running
    await assert_invariants(running.owner)


async def assert_invariants(owner: asyncpg.Connection) -> None:
    """Every check of sql/checks returns nothing, on one snapshot."""
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        for path in CHECKS:
            rows = await owner.fetch(path.read_text())
            assert not rows, f"{path.stem}: {[dict(row) for row in rows[:3]]}"
