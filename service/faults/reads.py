"""The end state of a world, read with the owner's rights on one snapshot."""

from collections.abc import AsyncIterator
from typing import Final

from service.db import SQL_DIR, OwnerSession, read_queries

STATEMENT_SECONDS: Final = 600


async def end_state(owner_dsn: str) -> AsyncIterator[str]:
    """The state's lines, in the order of their characters, a few at a time.

    Raises:
        CannotConnectError, RolledBackError.
    """
    query = read_queries(SQL_DIR / "queries")["faults.end_state"]
    session = await OwnerSession.connect(owner_dsn, tries=1)
    try:
        await session.execute(f"set statement_timeout = '{STATEMENT_SECONDS}s'")
        async for line in session.each(query):
            yield str(line)
    finally:
        await session.close()
