"""Empty databases beside the one that tests share."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest_asyncio

Empty = Callable[[], Awaitable[str]]


@pytest_asyncio.fixture
async def empty_database(database: tuple[str, str]) -> AsyncIterator[Empty]:
    """Makes empty databases on the same server; gives the owner's address of each."""
    made: list[str] = []
    connection = await asyncpg.connect(database[0])

    async def make() -> str:
        name = f"hylde_shape_{secrets.token_hex(4)}"
        await connection.execute(f"create database {name} template template0")
        made.append(name)
        return urlunsplit(urlsplit(database[0])._replace(path=f"/{name}"))

    yield make
    for name in made:
        await connection.execute(f"drop database {name}")
    await connection.close()
